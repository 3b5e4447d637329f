// A function that blocks runs in another thread; the loop goes on meanwhile.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <rondo/gather.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/threads.hpp>

#include <iostream>
#include <string>
#include <thread>

std::string block_function(std::string url) {
  std::cout << "模拟爬取" << url << ", 阻塞开始...\n";
  std::this_thread::sleep_for(2 * second);
  std::cout << "模拟阻塞结束\n";
  return "同步函数执行成功";
}

rondo::awaitable<void> async_main() {
  std::cout << "main函数开始执行\n";
  const auto [result, nothing] = co_await rondo::gather(
      rondo::to_thread(&block_function, std::string("loacalhost:5173")), rondo::sleep(1 * second));
  static_assert(std::is_same_v<decltype(nothing), const std::monostate>); // Python: None
  std::cout << "['" << result << "', None]\n";
  std::cout << "main函数执行完毕\n";
}

int main() { rondo::run(async_timed(async_main)); }
