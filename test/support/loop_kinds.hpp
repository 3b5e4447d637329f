// The kinds of loops that integration tests run on: owned, and attached to each kind of executor.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <future>
#include <ostream>
#include <utility>

namespace support {

enum class loop_kind { owned, context, context_strand, pool_strand };

inline constexpr loop_kind loop_kinds[] = {loop_kind::owned, loop_kind::context, loop_kind::context_strand,
                                           loop_kind::pool_strand};

inline std::ostream& operator<<(std::ostream& out, loop_kind kind) {
  constexpr const char* names[] = {"owned", "attached to an io_context", "attached to a strand of an io_context",
                                   "attached to a strand of a thread_pool"};
  return out << names[static_cast<int>(kind)];
}

/// Whether handlers run in the order of posting: then the cancellation of an operation with a bare token is exact.
inline bool in_order(loop_kind kind) { return kind == loop_kind::owned || kind == loop_kind::context; }

inline constexpr std::chrono::seconds patience{60}; // a test that takes longer hangs

/// Runs `main` on an attached loop, made from the executor of `context`, until the context has no more work.
template <class Main>
void run_attached(boost::asio::io_context& context, const boost::asio::any_io_executor& executor, Main&& main) {
  auto t = rondo::event_loop(executor).create_task(std::forward<Main>(main));
  context.run_for(patience);
  BOOST_REQUIRE(t.done());
  t.result();
}

template <class Main>
void run_attached(boost::asio::thread_pool& pool, const boost::asio::any_io_executor& executor, Main&& main) {
  rondo::event_loop loop(executor);
  std::promise<rondo::task<void>> made;
  std::promise<void> ended;
  boost::asio::post(executor, [&] {
    auto t = loop.create_task(std::forward<Main>(main));
    t.add_done_callback([&] { ended.set_value(); });
    made.set_value(t);
  });
  const bool in_time = ended.get_future().wait_for(patience) == std::future_status::ready;
  if (!in_time) pool.stop();
  pool.join();
  BOOST_REQUIRE(in_time);
  made.get_future().get().result();
}

template <class Main>
void run_on(loop_kind kind, Main&& main) {
  if (kind == loop_kind::owned) return rondo::run(std::forward<Main>(main));
  if (kind == loop_kind::pool_strand) {
    boost::asio::thread_pool pool(4);
    return run_attached(pool, boost::asio::make_strand(pool), std::forward<Main>(main));
  }
  boost::asio::io_context context(1);
  if (kind == loop_kind::context_strand)
    run_attached(context, boost::asio::make_strand(context), std::forward<Main>(main));
  else
    run_attached(context, context.get_executor(), std::forward<Main>(main));
}

/// Runs `scenario(kind)`, a coroutine, on a loop of every kind.
template <class Scenario>
void on_every_loop(Scenario scenario) {
  for (loop_kind kind : loop_kinds)
    BOOST_TEST_CONTEXT("loop: " << kind)
  run_on(kind, [&] { return scenario(kind); });
}

} // namespace support
