// Exceptions out of callbacks (rule L9).
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::trace;
using support::value_of;

BOOST_AUTO_TEST_CASE(L9_an_exception_in_a_callback_goes_to_the_exception_handler_and_the_loop_goes_on) {
  std::vector<exception_context> reports;
  trace order;
  callback_handle failing;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_exception_handler([&](event_loop l, const exception_context& c) {
      BOOST_CHECK(l == loop);
      reports.push_back(c);
      order.push_back("handler");
    });
    failing = loop.call_soon([] { throw std::logic_error("broken"); });
    loop.call_soon([&] { order.push_back("next"); });
    loop.call_later(1s, [] { throw 42; });
    co_await sleep(2s);
    loop.set_exception_handler({});
  });
  CHECK_TRACE(order, "handler", "next", "handler");
  BOOST_REQUIRE_EQUAL(reports.size(), 2u);
  BOOST_TEST(reports[0].message.starts_with("Exception in callback"));
  BOOST_TEST(contains(reports[0].message, "loop_errors_test.cpp:"));
  BOOST_TEST(support::text_in<std::logic_error>(reports[0].exception) == "broken");
  BOOST_CHECK(reports[0].handle == failing);
  BOOST_CHECK(!reports[0].task && !reports[0].future);
  BOOST_TEST(reports[1].message.starts_with("Exception in callback"));
  BOOST_CHECK_THROW(std::rethrow_exception(reports[1].exception), int);
}

BOOST_AUTO_TEST_CASE(L9_an_exception_in_a_done_callback_and_in_a_threadsafe_one_is_reported_too) {
  support::log_capture log;
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    f.add_done_callback([] { throw std::logic_error("in a done callback"); });
    f.add_done_callback([&] { order.push_back("next done callback"); });
    loop.call_soon_threadsafe([] { throw std::logic_error("in a threadsafe one"); });
    f.set_result(1);
    const int value = co_await f.get();
    co_await testing::passes(2);
    order.push_back(std::to_string(value));
  });
  CHECK_TRACE(order, "next done callback", "1");
  BOOST_TEST(log.size() == 2u);
  BOOST_TEST(contains(log.text(), "in a done callback"));
  BOOST_TEST(contains(log.text(), "in a threadsafe one"));
}

BOOST_AUTO_TEST_CASE(L9_keyboard_interrupt_leaves_run_forever_at_once_and_the_rest_stays_queued) {
  trace order;
  runner r;
  const event_loop loop = r.loop();
  loop.call_soon([&] {
    order.push_back("a");
    loop.call_soon([&] { order.push_back("a in a"); });
  });
  loop.call_soon([&] { throw keyboard_interrupt(); });
  loop.call_soon([&] { order.push_back("b"); });
  loop.call_soon([&] { order.push_back("c"); });
  BOOST_CHECK_THROW(loop.run_forever(), keyboard_interrupt);
  CHECK_TRACE(order, "a");
  BOOST_TEST(!loop.is_running());
  loop.call_soon([&] { order.push_back("d"); });
  BOOST_TEST(loop.run_until_complete(value_of(5)) == 5);
  CHECK_TRACE(order, "a", "b", "c", "a in a", "d");
}

BOOST_AUTO_TEST_CASE(L9_keyboard_interrupt_leaves_an_attached_loop_through_the_context) {
  trace order;
  boost::asio::io_context io(1);
  const event_loop loop(io.get_executor());
  loop.call_soon([&] { throw keyboard_interrupt(); });
  loop.call_soon([&] { order.push_back("kept"); });
  BOOST_CHECK_THROW(io.run(), keyboard_interrupt);
  BOOST_TEST(order.empty());
  io.run();
  CHECK_TRACE(order, "kept");
}
