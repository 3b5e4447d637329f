// with_exit_stack: resources and clean-ups whose number is known only at run time, undone in the reverse order.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/with.hpp>

#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

class door {
public:
  explicit door(std::string name) : name_(std::move(name)) {}

  rondo::awaitable<void> aenter() {
    co_await rondo::sleep(5ms);
    std::cout << name_ << " is open\n";
  }

  rondo::awaitable<void> aexit() {
    co_await rondo::sleep(5ms);
    std::cout << name_ << " is closed\n";
  }

private:
  std::string name_;
};

void switch_off(std::string lamp) { std::cout << lamp << " is off\n"; }

rondo::awaitable<void> async_main() {
  const std::vector<std::string> names{"front door", "hall door", "kitchen door"};
  co_await rondo::with_exit_stack([&](rondo::exit_stack& stack) -> rondo::awaitable<void> {
    for (const auto& name : names)
      co_await stack.enter(door(name));
    stack.callback(switch_off, std::string("the lamp"));
    std::cout << "at home\n";
  });
}

int main() { rondo::run(async_main()); }
