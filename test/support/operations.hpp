// Plain Asio operations that block, for tests that cancel them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "wire.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

namespace support {

struct operation {
  const char* name;
  std::function<rondo::awaitable<void>(wire&)> run;
  bool may_block = false; // a cancel that comes at once may find it blocked
};

using operations = std::vector<operation>;

/// All of `first`, then all of `second`.
inline operations joined(operations first, const operations& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

inline void throw_code(const boost::system::error_code& ec) {
  if (ec) throw boost::system::system_error(ec);
}

inline boost::asio::steady_timer long_timer(wire& w) {
  return boost::asio::steady_timer(w.executor, std::chrono::hours(1));
}

/// With Asio's own tokens.
inline operations blocking_operations() {
  namespace asio = boost::asio;
  return {
      {"timer, deferred",
       [](wire& w) -> rondo::awaitable<void> {
         auto timer = long_timer(w);
         co_await timer.async_wait(asio::deferred);
       }},
      {"timer, use_awaitable",
       [](wire& w) -> rondo::awaitable<void> {
         auto timer = long_timer(w);
         co_await timer.async_wait(asio::use_awaitable);
       }},
      {"timer, as_tuple",
       [](wire& w) -> rondo::awaitable<void> {
         auto timer = long_timer(w);
         const auto [ec] = co_await timer.async_wait(asio::as_tuple(asio::deferred));
         throw_code(ec);
       }},
      {"timer, redirect_error",
       [](wire& w) -> rondo::awaitable<void> {
         boost::system::error_code ec;
         auto timer = long_timer(w);
         co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
         throw_code(ec);
       }},
      {"read_some",
       [](wire& w) -> rondo::awaitable<void> {
         co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
       }},
      {"a || b",
       [](wire& w) -> rondo::awaitable<void> {
         using namespace asio::experimental::awaitable_operators;
         auto a = long_timer(w);
         auto b = long_timer(w);
         auto both = a.async_wait(asio::use_awaitable) || b.async_wait(asio::use_awaitable);
         co_await std::move(both);
       }},
      {"co_spawn, use_awaitable",
       [](wire& w) -> rondo::awaitable<void> {
         auto inner = [&w]() -> rondo::awaitable<void> {
           auto timer = long_timer(w);
           co_await timer.async_wait(asio::use_awaitable);
         };
         co_await asio::co_spawn(w.executor, inner, asio::use_awaitable);
       }},
  };
}

inline operations blocking_operations_with_use_task() {
  namespace asio = boost::asio;
  return {
      {"timer, use_task",
       [](wire& w) -> rondo::awaitable<void> {
         auto timer = long_timer(w);
         co_await timer.async_wait(rondo::use_task);
       }},
      {"read_until with a part of the line there, use_task",
       [](wire& w) -> rondo::awaitable<void> {
         w.arrives("half a li");
         co_await asio::async_read_until(w.near, asio::dynamic_buffer(w.text), '\n', rondo::use_task);
       }},
      {"as_tuple, use_task",
       [](wire& w) -> rondo::awaitable<void> {
         auto timer = long_timer(w);
         co_await timer.async_wait(asio::as_tuple(rondo::use_task));
       }},
  };
}

} // namespace support
