// async_start: operations of the library with completion tokens.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"

#include <rondo/async.hpp>
#include <rondo/lock.hpp>
#include <rondo/queue.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/thread_queue.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>

using namespace rondo;
using testing::run_virtual;
namespace asio = boost::asio;

BOOST_AUTO_TEST_CASE(a_handler_gets_the_outcome_of_an_operation) {
  run_virtual([]() -> awaitable<void> {
    queue<int> q;
    std::optional<int> got;
    async_start(q.get(), [&](std::exception_ptr error, int x) {
      BOOST_TEST(!error);
      got = x;
    });
    co_await testing::settle_all();
    BOOST_TEST(!got);
    q.put_nowait(7);
    co_await testing::settle_all();
    BOOST_TEST(got.value() == 7);
  });
}

BOOST_AUTO_TEST_CASE(a_lock_can_be_acquired_by_callbacks) {
  run_virtual([]() -> awaitable<void> {
    lock m;
    int acquired = 0;
    const auto count = [&](std::exception_ptr error) { acquired += error ? 100 : 1; };
    async_start(m.acquire(), count);
    async_start(m.acquire(), count);
    co_await testing::settle_all();
    BOOST_TEST(acquired == 1);
    m.release();
    co_await testing::settle_all();
    BOOST_TEST(acquired == 2);
    m.release();
  });
}

BOOST_AUTO_TEST_CASE(the_handlers_slot_cancels_the_wait) {
  run_virtual([]() -> awaitable<void> {
    thread_queue<int> q;
    asio::cancellation_signal signal;
    std::exception_ptr ended;
    const auto note = [&](std::exception_ptr error, int) { ended = error; };
    async_start(q.get(), asio::bind_cancellation_slot(signal.slot(), note));
    co_await testing::settle_all();
    BOOST_TEST(q.statistics().getters == 1u);
    signal.emit(asio::cancellation_type::all);
    co_await testing::settle_all();
    BOOST_TEST(is_cancellation(ended));
    BOOST_TEST(q.statistics().getters == 0u);
  });
}

BOOST_AUTO_TEST_CASE(it_composes_with_asios_tokens) {
  run_virtual([]() -> awaitable<void> {
    queue<int> q;
    q.put_nowait(1);
    BOOST_TEST(co_await async_start(q.get(), asio::use_awaitable) == 1);
  });
}
