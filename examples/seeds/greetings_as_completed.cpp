// as_completed gives each result as soon as it is there; a time limit holds for all together.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/as_completed.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <string>
#include <vector>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

rondo::awaitable<void> async_main() {
  std::vector<rondo::awaitable<std::string>> aws;
  aws.push_back(greetings("刘德华", 1 * second));
  aws.push_back(greetings("张学友", 2 * second));

  auto results = rondo::as_completed(std::move(aws), 3 * second);
  while (const auto res = co_await results.next())
    std::cout << res->result() << '\n';
}

int main() { rondo::run(async_timed(async_main)); }
