// join: several things at once, and nobody is left behind: the first error cancels the others and waits for them.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/structured.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

rondo::awaitable<std::size_t> copy(const std::string& text, std::string& copies) {
  try {
    for (const char c : text) {
      co_await rondo::sleep(5ms);
      if (c == '?') throw std::runtime_error("cannot copy '?'");
      copies += c;
    }
  } catch (const rondo::cancelled_error&) {
    std::cout << "stopped copying " << text << '\n';
    throw;
  }
  co_return text.size();
}

rondo::awaitable<void> async_main() {
  // References are safe here, since join does not return before all have ended.
  const std::string letters = "abc", digits = "12?456789";
  std::string copies;
  const auto [a, b] = co_await rondo::join(copy(letters, copies), copy(letters, copies));
  std::cout << a + b << " characters: " << copies << '\n';

  try {
    co_await rondo::join(copy(digits, copies), copy(std::string(50, 'z'), copies));
  } catch (const std::runtime_error& e) {
    std::cout << e.what() << '\n';
  }
}

int main() { rondo::run(async_main()); }
