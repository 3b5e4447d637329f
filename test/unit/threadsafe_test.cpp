// call_soon_threadsafe and cancel_threadsafe (rule TH1).
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::trace;

BOOST_AUTO_TEST_CASE(TH1_call_soon_threadsafe_keeps_the_order_of_a_thread) {
  std::vector<int> got;
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    std::thread other([&] {
      for (int i = 0; i < 1000; ++i)
        loop.call_soon_threadsafe([&got, i] { got.push_back(i); });
    });
    other.join();
    co_await testing::passes(1);
  });
  BOOST_REQUIRE_EQUAL(got.size(), 1000u);
  BOOST_TEST(std::is_sorted(got.begin(), got.end()));
}

BOOST_AUTO_TEST_CASE(TH1_call_soon_threadsafe_is_in_one_order_with_call_soon) {
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.call_soon([&] { order.push_back("a"); });
    loop.call_soon_threadsafe([&] { order.push_back("b"); });
    loop.call_soon([&] { order.push_back("c"); });
    std::thread other([&] { loop.call_soon_threadsafe([&] { order.push_back("d"); }); });
    other.join();
    loop.call_soon([&] { order.push_back("e"); });
    co_await testing::passes(1);
    order.push_back("main");
    co_await testing::passes(1);
  });
  CHECK_TRACE(order, "a", "b", "c", "d", "e", "main");
}

BOOST_AUTO_TEST_CASE(TH1_call_soon_threadsafe_wakes_a_loop_that_waits) {
  // Real time: the loop is in its poll, or about to be, when the call comes.
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    std::thread other([&] { loop.call_soon_threadsafe([f] { f.set_result(5); }); });
    const int value = co_await f.get();
    other.join();
    BOOST_TEST(value == 5);
  });
}

BOOST_AUTO_TEST_CASE(TH1_a_threadsafe_handle_can_be_cancelled_on_any_thread) {
  const auto owned = std::make_shared<int>(1);
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    std::thread other([&] {
      callback_handle h = loop.call_soon_threadsafe([o = owned] { BOOST_ERROR("was cancelled"); });
      h.cancel();
      BOOST_TEST(h.cancelled());
    });
    other.join();
    co_await testing::passes(2);
    BOOST_TEST(owned.use_count() == 1);
  });
}

BOOST_AUTO_TEST_CASE(TH1_plain_asio_work_and_the_loop_take_turns) {
  trace order;
  run([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    bool posted = false;
    boost::asio::post(loop.get_executor(), [&] { posted = true; });
    int passes = 0;
    while (!posted && passes < 1000) {
      co_await testing::passes(1);
      ++passes;
    }
    BOOST_TEST(posted);
    BOOST_TEST(passes <= 62); // a busy loop looks at I/O at least every 61 passes
  });
}

BOOST_AUTO_TEST_CASE(TH1_call_soon_threadsafe_wakes_the_loop_in_order) {
  loop_thread thread;
  std::vector<int> order;
  std::promise<void> done;
  for (int i = 0; i < 100; ++i)
    thread.loop().call_soon_threadsafe([&order, i] { order.push_back(i); });
  thread.loop().call_soon_threadsafe([&] { done.set_value(); });
  BOOST_REQUIRE(done.get_future().wait_for(10s) == std::future_status::ready);
  BOOST_REQUIRE_EQUAL(order.size(), 100u);
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(order[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(TH1_cancel_threadsafe_reaches_a_parked_task) {
  loop_thread thread;
  std::promise<task<void>> made;
  thread.loop().call_soon_threadsafe([&] { made.set_value(create_task(sleep(std::nullopt))); });
  const task<void> t = made.get_future().get();
  t.cancel_threadsafe("from outside");
  auto outcome = thread.submit([t]() -> awaitable<std::string> {
    try {
      co_await t.get();
    } catch (const cancelled_error& e) {
      co_return e.message();
    }
    co_return "not cancelled";
  });
  BOOST_TEST(outcome.result(10s) == "from outside");
}
