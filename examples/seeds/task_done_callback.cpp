// A callback of a task, with an argument of its own.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <iostream>
#include <string>

rondo::awaitable<std::string> greetings(std::string name, rondo::time_limit delay) {
  co_await rondo::sleep(delay);
  co_return "Hello! " + name;
}

void my_callback(const std::string& tag, const rondo::task<std::string>& future) {
  std::cout << "任务执行完毕, 开始自动调用回调函数 my_callback\n";
  std::cout << "任务执行的结果是: " << future.result() << '\n';
  std::cout << "调用标签是: " << tag << '\n';
  std::cout << "回调函数 my_callback 执行完毕\n";
}

rondo::awaitable<void> async_main() {
  const auto task = rondo::create_task(greetings("刘德华", 1 * second));
  const std::string tag = "刘德华";
  task.add_done_callback([tag](const rondo::task<std::string>& future) { my_callback(tag, future); });

  co_await task.get();
}

int main() { rondo::run(async_main()); }
