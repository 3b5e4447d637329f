// with: resources that wait while they open and while they close.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/with.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

class connection {
public:
  explicit connection(std::string name) : name_(std::move(name)) {}

  rondo::awaitable<void> aenter() {
    co_await rondo::sleep(5ms);
    std::cout << name_ << " is open\n";
  }

  rondo::awaitable<void> aexit() {
    co_await rondo::sleep(5ms);
    std::cout << name_ << " is closed\n";
  }

  void send(const std::string& text) const { std::cout << name_ << " sends " << text << '\n'; }

private:
  std::string name_;
};

rondo::awaitable<void> async_main() {
  co_await rondo::with(connection("mail"), [](connection& mail) { mail.send("a letter"); });

  // Several are opened in their order, and closed in the reverse order, also after an exception.
  try {
    co_await rondo::with(connection("red"), connection("green"), [](connection& red, connection&) {
      red.send("a warning");
      throw std::runtime_error("the line is dead");
    });
  } catch (const std::runtime_error& e) {
    std::cout << e.what() << '\n';
  }
}

int main() { rondo::run(async_main()); }
