// rondo_replay: prints the traces of scenario programs. See --help.
// SPDX-License-Identifier: BSL-1.0
#include "corpus.hpp"
#include "machine.hpp"

#include <rondo/diagnostics.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view usage = R"(usage: rondo_replay FILE...
       rondo_replay -
       rondo_replay --corpus DIR

Runs scenario programs (see FORMAT.md) on a virtual clock.

  FILE...       prints the trace of each program
  -             reads a program from each line of standard input, and writes its trace as a line with a JSON array
  --corpus DIR  replays the programs of a corpus and compares their traces with those that asyncio gave

Exit status: 0; 1 if a trace of the corpus differs; 2 if a program is not valid or a file cannot be read.
)";

int print_traces(const std::vector<std::string>& files) {
  for (const std::string& name : files) {
    try {
      const conformance::program p = conformance::parse_program(conformance::read_file(name));
      for (const std::string& line : conformance::run_program(p))
        std::cout << line << '\n';
    } catch (const std::runtime_error& e) {
      std::cerr << "rondo_replay: " << name << ": " << e.what() << '\n';
      return 2;
    }
  }
  return 0;
}

int replay_lines(std::istream& in) {
  int status = 0;
  for (std::string line; std::getline(in, line);) {
    try {
      const std::vector<std::string> trace = conformance::run_program(conformance::parse_program(line));
      std::cout << boost::json::serialize(boost::json::array(trace.begin(), trace.end())) << '\n';
    } catch (const conformance::invalid_program& e) {
      std::cout << boost::json::serialize(boost::json::object{{"invalid", e.what()}}) << '\n';
      status = 2;
    }
    // The other side of a pipe may wait for this line before it sends the next.
    if (in.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
  return status;
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  std::ios::sync_with_stdio(false);
  // What is left when a deadlocked program is given up is not news.
  rondo::set_log_sink([](std::string_view) {});
  if (args.empty()) {
    std::cerr << usage;
    return 2;
  }
  if (args[0] == "--help" || args[0] == "-h") {
    std::cout << usage;
    return 0;
  }
  if (args[0] == "--corpus") {
    if (args.size() == 2) return conformance::replay_corpus(args[1]);
    std::cerr << "rondo_replay: --corpus takes a folder\n\n" << usage;
    return 2;
  }
  if (args[0] == "-" && args.size() == 1) return replay_lines(std::cin);
  if (args[0].size() > 1 && args[0][0] == '-') {
    std::cerr << fmt::format("rondo_replay: unknown option '{}'\n\n", args[0]) << usage;
    return 2;
  }
  return print_traces(args);
}
