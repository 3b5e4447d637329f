// What the programs share: their second, and the decorator async_timed as a function.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/time.hpp>

#include <chrono>
#include <iostream>

/// A second of the Python programs: they need not take as long here.
constexpr std::chrono::milliseconds second(100);

/// Runs a coroutine function and prints how many seconds it took.
inline rondo::awaitable<void> async_timed(rondo::awaitable<void> (*f)()) {
  const auto start = rondo::clock::now();
  co_await f();
  std::cout << "耗时" << (rondo::clock::now() - start) / second << "秒\n";
}
