// The work that the benchmarks measure, as a rondo program does it and as a program on bare Asio does it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string_view>

// Every case does `n` operations one after another or, where its name says so, for a hundred or a thousand coroutines.
// Both sides run on an io_context(1), and both have a timer: an io_context without one has no reactor and skips a system
// call in each turn, which no real program does. Each side is compiled without the other's headers.

namespace bench {

using boost::asio::awaitable;
using case_function = awaitable<void> (*)(long n);

/// How many rounds of `size` operations it takes to do n.
constexpr long rounds(long n, long size) { return (n + size - 1) / size; }

namespace on_rondo {

awaitable<void> create_await(long n);
awaitable<void> spawn_1000(long n);
awaitable<void> yield_1(long n);
awaitable<void> yield_2(long n);
awaitable<void> yield_100(long n);
awaitable<void> ready_wait(long n);
awaitable<void> gather_1000(long n);
awaitable<void> group_1000(long n);
awaitable<void> timeout_ready(long n);
awaitable<void> timeout_ready_100k(long n);
awaitable<void> timeout_turn(long n);
awaitable<void> timeout_turn_100k(long n);
awaitable<void> lock_uncontended(long n);
awaitable<void> lock_contended(long n);
awaitable<void> queue_ready(long n);
awaitable<void> queue_prodcons(long n);
awaitable<void> queue_pingpong(long n);
awaitable<void> event_pingpong(long n);

/// A loop that it runs cases on.
class subject {
public:
  subject();
  ~subject();
  void run(case_function f, long n);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace on_rondo

namespace on_asio {

awaitable<void> create_await(long n);
awaitable<void> spawn_1000(long n);
awaitable<void> yield_1(long n);
awaitable<void> yield_2(long n);
awaitable<void> yield_100(long n);
awaitable<void> ready_wait(long n);
awaitable<void> gather_1000(long n);
awaitable<void> group_1000(long n);
awaitable<void> timeout_ready(long n);
awaitable<void> timeout_ready_100k(long n);
awaitable<void> timeout_turn(long n);
awaitable<void> timeout_turn_100k(long n);
awaitable<void> lock_uncontended(long n);
awaitable<void> lock_contended(long n);
awaitable<void> queue_ready(long n);
awaitable<void> queue_prodcons(long n);
awaitable<void> queue_pingpong(long n);
awaitable<void> event_pingpong(long n);

/// A context that it runs cases on.
class subject {
public:
  subject();
  ~subject();
  void run(case_function f, long n);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace on_asio

struct named_case {
  std::string_view name;
  case_function rondo;
  case_function asio;
};

inline constexpr named_case cases[] = {
    {"create_await", on_rondo::create_await, on_asio::create_await},
    {"spawn_1000", on_rondo::spawn_1000, on_asio::spawn_1000},
    {"yield_1", on_rondo::yield_1, on_asio::yield_1},
    {"yield_2", on_rondo::yield_2, on_asio::yield_2},
    {"yield_100", on_rondo::yield_100, on_asio::yield_100},
    {"ready_wait", on_rondo::ready_wait, on_asio::ready_wait},
    {"gather_1000", on_rondo::gather_1000, on_asio::gather_1000},
    {"group_1000", on_rondo::group_1000, on_asio::group_1000},
    {"timeout_ready", on_rondo::timeout_ready, on_asio::timeout_ready},
    {"timeout_ready_100k", on_rondo::timeout_ready_100k, on_asio::timeout_ready_100k},
    {"timeout_turn", on_rondo::timeout_turn, on_asio::timeout_turn},
    {"timeout_turn_100k", on_rondo::timeout_turn_100k, on_asio::timeout_turn_100k},
    {"lock_uncontended", on_rondo::lock_uncontended, on_asio::lock_uncontended},
    {"lock_contended", on_rondo::lock_contended, on_asio::lock_contended},
    {"queue_ready", on_rondo::queue_ready, on_asio::queue_ready},
    {"queue_prodcons", on_rondo::queue_prodcons, on_asio::queue_prodcons},
    {"queue_pingpong", on_rondo::queue_pingpong, on_asio::queue_pingpong},
    {"event_pingpong", on_rondo::event_pingpong, on_asio::event_pingpong},
};

} // namespace bench
