// What the ports of CPython's tests of tasks share.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace cpython {

/// What run_briefly(loop) of CPython's tests does between two statements: the loop makes two passes.
inline rondo::awaitable<void> run_briefly() { co_await rondo::testing::passes(2); }

inline rondo::awaitable<void> sleeper(rondo::time_limit d) { co_await rondo::sleep(d); }

/// Gives a text at once, as the coroutines `notmuch`, `coro` and `func` of the originals do.
inline rondo::awaitable<std::string> text_of(std::string text) { co_return text; }

inline rondo::awaitable<void> noop() { co_return; }

/// The name of the task in which it runs.
inline rondo::awaitable<void> note_name(std::string& name) {
  name = rondo::current_task().name();
  co_return;
}

inline bool among(const rondo::any_task& t, const std::vector<rondo::any_task>& tasks) {
  return std::find(tasks.begin(), tasks.end(), t) != tasks.end();
}

} // namespace cpython
