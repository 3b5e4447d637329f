// SPDX-License-Identifier: BSL-1.0
#include "corpus.hpp"

#include "machine.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace conformance {

namespace {

using trace = std::vector<std::string>;

trace lines_of(const std::string& text) {
  trace lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

class replay {
public:
  void compare(const std::string& name, const std::string& text, const trace& expected) {
    ++programs_;
    trace got;
    try {
      got = run_program(parse_program(text));
    } catch (const invalid_program& e) {
      ++different_;
      std::cerr << fmt::format("{}: {}\n", name, e.what());
      return;
    }
    if (got == expected) return;
    ++different_;
    const auto [a, b] = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
    std::cerr << fmt::format("{}: line {} differs\n  asyncio: {}\n  rondo:   {}\n", name, a - got.begin() + 1,
                             b == expected.end() ? "(end)" : *b, a == got.end() ? "(end)" : *a);
  }

  int report() const {
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    std::cout << fmt::format("{} programs replayed in {:.1f} s, {} differ\n", programs_, took, different_);
    return different_ == 0 ? 0 : 1;
  }

private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::size_t programs_ = 0;
  std::size_t different_ = 0;
};

void replay_scenarios(replay& r, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) throw std::runtime_error(folder.string() + " holds no scenarios");
  for (const auto& file : files) {
    trace expected = lines_of(read_file(std::filesystem::path(file).replace_extension(".trace").string()));
    if (!expected.empty() && expected.front().starts_with("#")) expected.erase(expected.begin());
    r.compare(file.filename().string(), read_file(file.string()), expected);
  }
}

void replay_random(replay& r, const std::filesystem::path& folder) {
  const trace programs = lines_of(read_file((folder / "programs.jsonl").string()));
  trace traces = lines_of(read_file((folder / "traces.jsonl").string()));
  if (traces.size() != programs.size() + 1)
    throw std::runtime_error(fmt::format("{}: {} programs, but {} traces", folder.string(), programs.size(),
                                         traces.empty() ? 0 : traces.size() - 1));
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const auto expected = boost::json::parse(traces[i + 1]); // the first line names the reference
    r.compare(fmt::format("programs.jsonl:{}", i + 1), programs[i], boost::json::value_to<trace>(expected));
  }
}

} // namespace

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) throw std::runtime_error(path + " cannot be read");
  return text.str();
}

int replay_corpus(const std::string& folder) {
  try {
    replay r;
    replay_scenarios(r, std::filesystem::path(folder) / "scenarios");
    replay_random(r, std::filesystem::path(folder) / "corpus");
    return r.report();
  } catch (const std::runtime_error& e) {
    std::cerr << "rondo_replay: " << e.what() << '\n';
    return 2;
  }
}

} // namespace conformance
