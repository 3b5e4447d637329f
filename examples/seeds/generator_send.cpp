// A consumer that gets its values at the places where it yields. Python's send(n) is a variable that both know, and
// next().
// SPDX-License-Identifier: BSL-1.0
#include <rondo/async_generator.hpp>
#include <rondo/runner.hpp>

#include <iostream>
#include <string>
#include <variant>

using answer = std::variant<std::string, int>;

rondo::async_generator<answer> consumer(const int& n) {
  std::cout << "[消费者] 第一次send(None)执行倒这里停止，yield返回一个值，但此次并未执行到接受send发出的None。\n";
  co_yield "start";
  std::cout << "[消费者] 第二次send从这里继续执行，从第一个yield获取到第二个send发出的值\"" << n
            << "\"，下一个yield返回\"" << n + 1 << "\"\n";

  while (true) {
    co_yield n + 1;
    std::cout << "[消费者] 上一个yield收到值\"" << n << "\", 下一个yield返回值\"" << n + 1 << "\"\n";
  }
}

rondo::awaitable<void> producer() {
  int n = 0;
  auto c = consumer(n);

  std::cout << "[生产者] 首次send(None)执行之前。\n";
  const auto first = co_await c.next();
  std::cout << "[生产者] 首次send(None)执行之后，获得yield发出的值\"" << std::get<std::string>(*first) << "\".\n";

  std::cout << "[生产者] 第二次send执行之前.\n";
  while (n < 5) {
    std::cout << "[生产者] 发送值\"" << n << "\"\n";
    const auto next = co_await c.next();
    n = std::get<int>(*next);
    std::cout << "[生产者] 收到值\"" << n << "\"\n";
  }
  co_await c.aclose();
}

int main() { rondo::run(producer()); }
