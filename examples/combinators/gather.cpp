// gather: several things at once; the results come in the order of the arguments.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/gather.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

rondo::awaitable<int> temperature(std::string city, int degrees, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  if (city == "Atlantis") throw std::runtime_error("Atlantis has sunk");
  std::cout << city << " has answered\n";
  co_return degrees;
}

rondo::awaitable<void> async_main() {
  // A few, of any types, give a tuple. Oslo answers last and stands first.
  const auto [oslo, rome] = co_await rondo::gather(temperature("Oslo", 4, 120ms), temperature("Rome", 19, 10ms));
  std::cout << "Oslo " << oslo << ", Rome " << rome << '\n';

  // Many of one type give a vector.
  std::vector<rondo::awaitable<int>> questions;
  for (int i = 0; i < 3; ++i)
    questions.push_back(temperature("Station " + std::to_string(i), 10 + i, 10ms));
  const std::vector<int> answers = co_await rondo::gather(std::move(questions));
  std::cout << "three stations, the last one has " << answers.back() << '\n';

  // An exception leaves gather at once. gather_settled waits for all of them, and gives exceptions as values.
  const auto [atlantis, paris] =
      co_await rondo::gather_settled(temperature("Atlantis", 0, 10ms), temperature("Paris", 15, 20ms));
  if (const auto* error = atlantis.error_as<std::runtime_error>())
    std::cout << "no temperature: " << error->what() << '\n';
  std::cout << "Paris " << paris.value() << '\n';
}

int main() { rondo::run(async_main()); }
