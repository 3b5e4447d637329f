// What a task does that was cancelled at a plain Asio operation: clean-up, going on, and what leaves it.
// Sockets and timers of the operating system: in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/loop_kinds.hpp"
#include "../support/outcomes.hpp"
#include "../support/wire.hpp"

#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/use_task.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace support;
using boost::system::system_error;
using rondo::awaitable;

BOOST_AUTO_TEST_CASE(clean_up_after_a_cancellation_may_await) {
  for (loop_kind kind : {loop_kind::owned, loop_kind::context})
    BOOST_TEST_CONTEXT("loop: " << kind)
  run_on(kind, []() -> awaitable<void> {
    std::vector<std::string> trace;
    wire w;
    auto body = [&]() -> awaitable<void> {
      std::exception_ptr error;
      try {
        co_await w.near.async_read_some(asio::buffer(w.bytes), asio::deferred);
      } catch (const system_error&) {
        error = std::current_exception();
      }
      co_await asio::async_write(w.near, asio::buffer("bye", 3), asio::deferred);
      trace.push_back("written");
      co_await plain_timer(1ms);
      trace.push_back("waited");
      co_await rondo::sleep(1ms);
      trace.push_back("slept");
      co_await w.far.async_read_some(asio::buffer(w.bytes), rondo::use_task);
      trace.push_back("read");
      std::rethrow_exception(error);
    };
    auto t = rondo::create_task(body);
    co_await rondo::sleep(1ms);
    t.cancel();
    co_await ended(t);
    const std::vector<std::string> expected = {"written", "waited", "slept", "read"};
    BOOST_TEST(trace == expected, boost::test_tools::per_element());
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(swallowed_cancel_lets_the_task_go_on_to_its_result) {
  for (loop_kind kind : {loop_kind::owned, loop_kind::context})
    BOOST_TEST_CONTEXT("loop: " << kind)
  run_on(kind, []() -> awaitable<void> {
    auto body = []() -> awaitable<int> {
      std::string result;
      int cancels = 0;
      auto minute = [] { return plain_timer(1min); };
      for (int i = 0; i < 3; ++i) {
        co_await note(result, minute);
        cancels += int(result == "cancelled");
      }
      co_await plain_timer(1ms);
      co_return cancels;
    };
    auto t = rondo::create_task(body);
    for (int i = 0; i < 3; ++i) {
      co_await rondo::sleep(1ms);
      t.cancel();
    }
    const int cancels = co_await t.get();
    BOOST_TEST(cancels == 3);
    BOOST_TEST(t.cancelling() == 3);
    BOOST_TEST(!t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(cancellation_is_what_leaves_the_task) {
  on_every_loop([](loop_kind) -> awaitable<void> {
    const auto throwing = [](std::exception_ptr error) -> awaitable<void> {
      co_await plain_timer(1us);
      std::rethrow_exception(error);
    };
    const auto aborted = std::make_exception_ptr(system_error(asio::error::operation_aborted));
    const auto eof = std::make_exception_ptr(system_error(asio::error::eof));

    auto a = rondo::create_task(throwing(aborted));
    co_await ended(a);
    BOOST_TEST(a.cancelled());

    auto b = rondo::create_task(throwing(std::make_exception_ptr(asio::multiple_exceptions(aborted))));
    co_await ended(b);
    BOOST_TEST(b.cancelled());

    auto c = rondo::create_task(throwing(eof));
    co_await ended(c);
    BOOST_TEST(!c.cancelled());
    BOOST_CHECK_THROW(c.result(), system_error);

    auto d = rondo::create_task(throwing(std::make_exception_ptr(asio::multiple_exceptions(eof))));
    co_await ended(d);
    BOOST_TEST(!d.cancelled());
    BOOST_CHECK_THROW(d.result(), asio::multiple_exceptions);
  });
}
