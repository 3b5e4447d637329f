// as_completed: results in the order in which they come.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/as_completed.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

rondo::awaitable<std::string> run_race(std::string runner, rondo::time_limit time) {
  co_await rondo::sleep(time);
  co_return runner;
}

rondo::awaitable<void> async_main() {
  std::vector<rondo::awaitable<std::string>> runners;
  runners.push_back(run_race("Ada", 120ms));
  runners.push_back(run_race("Bob", 10ms));
  runners.push_back(run_race("Cyd", 1h));

  auto finish = rondo::as_completed(std::move(runners), 250ms);
  try {
    int place = 1;
    while (const auto next = co_await finish.next()) {
      std::cout << place << ": " << next->result() << '\n';
      ++place;
    }
  } catch (const rondo::timeout_error&) { // Cyd goes on running, here to the end of the program
    std::cout << "the race is over after 250 ms\n";
  }
}

int main() { rondo::run(async_main()); }
