// What the C++ programs of the comparison share: their arguments, the clocks, and the line that they print.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

namespace peers {

/// Adds up the wall and processor time between `start` and `stop`, so that a case can leave its preparations out.
class meter {
public:
  meter(std::string_view name, long n, long size) : name_(name), n_(n), size_(size) {}

  void start() {
    wall_ -= now(CLOCK_MONOTONIC);
    cpu_ -= now(CLOCK_PROCESS_CPUTIME_ID);
  }
  void stop() {
    cpu_ += now(CLOCK_PROCESS_CPUTIME_ID);
    wall_ += now(CLOCK_MONOTONIC);
  }

  long long cpu_ns() const { return cpu_; }
  void add(std::string_view key, double value) {
    extras_ += ", \"" + std::string(key) + "\": " + std::to_string(value);
  }

  /// Prints the result and ends the process at once: taking a million tasks apart is part of no case but `sleepers`.
  [[noreturn]] void report() const {
    std::printf("{\"case\": \"%s\", \"n\": %ld, \"size\": %ld, \"wall_ns\": %lld, \"cpu_ns\": %lld%s}\n", name_.c_str(),
                n_, size_, wall_, cpu_, extras_.c_str());
    std::fflush(stdout);
    std::_Exit(0);
  }

private:
  static long long now(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
  }

  std::string name_;
  long n_;
  long size_;
  long long wall_ = 0;
  long long cpu_ = 0;
  std::string extras_;
};

/// The memory of this process that is in use.
inline double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages_in_all = 0, pages = 0;
  statm >> pages_in_all >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// How many rounds of `size` operations it takes to do n, but at least `least`.
constexpr long rounds(long n, long size, long least = 1) {
  const long enough = (n + size - 1) / size;
  return enough < least ? least : enough;
}

inline long number(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 ? value : -1;
}

/// The `main` of a peer: `PROGRAM CASE N [SIZE]` calls `run(case, meter, n, size)`, unless no case has that name.
/// `cases` is a range of things with a `name`.
template <class Cases, class Run>
int run_case(int argc, char** argv, const Cases& cases, Run run) {
  const long n = argc > 2 ? number(argv[2]) : -1;
  const long size = argc > 3 ? number(argv[3]) : 0;
  if (argc >= 3 && argc <= 4 && n >= 0 && size >= 0) {
    for (const auto& c : cases) {
      if (c.name != argv[1]) continue;
      meter m(argv[1], n, size);
      run(c, m, n, size);
      m.report();
    }
  }
  std::cerr << "usage: " << argv[0] << " CASE N [SIZE]; for an echo server N is the port\ncases:";
  for (const auto& c : cases)
    std::cerr << ' ' << c.name;
  std::cerr << '\n';
  return 2;
}

} // namespace peers
