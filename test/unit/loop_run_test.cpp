// Running, stopping and closing a loop, what it refuses then, and the running loop (rules L3, L6, L7, L10).
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using support::trace;
using support::value_of;

namespace {

using error = std::runtime_error;

} // namespace

// --- L3: stop ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L3_stop_before_a_run_makes_it_one_pass_long) {
  trace order;
  runner r;
  const event_loop loop = r.loop();
  loop.call_soon([&] {
    order.push_back("a");
    loop.call_soon([&] { order.push_back("a in a"); });
  });
  loop.call_soon([&] { order.push_back("b"); });
  loop.stop();
  loop.run_forever();
  CHECK_TRACE(order, "a", "b");
  loop.stop();
  loop.run_forever();
  CHECK_TRACE(order, "a", "b", "a in a");
  loop.stop();
  loop.run_forever(); // nothing is ready: it returns all the same
  BOOST_TEST(order.size() == 3u);
}

BOOST_AUTO_TEST_CASE(L3_stop_ends_the_run_after_the_current_pass_and_new_callbacks_wait_for_the_next_run) {
  trace order;
  runner r;
  const event_loop loop = r.loop();
  loop.call_soon([&] {
    order.push_back("stop");
    loop.stop();
    loop.call_soon([&] { order.push_back("next run"); });
  });
  loop.call_soon([&] { order.push_back("same pass"); });
  loop.run_forever();
  BOOST_TEST(!loop.is_running());
  CHECK_TRACE(order, "stop", "same pass");
  loop.call_soon([&] { loop.stop(); });
  loop.run_forever();
  CHECK_TRACE(order, "stop", "same pass", "next run");
}

BOOST_AUTO_TEST_CASE(L3_run_forever_works_on_virtual_time_too) {
  trace order;
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  loop.call_later(24h, [&] {
    order.push_back("a day later");
    loop.stop();
  });
  loop.run_forever();
  CHECK_TRACE(order, "a day later");
  BOOST_TEST(loop.run_until_complete(sleep(1h, 5)) == 5);
  BOOST_CHECK(loop.time().time_since_epoch() == 25h);
}

// --- L6: run_until_complete --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L6_run_until_complete_gives_the_outcome) {
  runner r;
  const event_loop loop = r.loop();
  BOOST_TEST(loop.run_until_complete(value_of(7)) == 7);
  BOOST_TEST(loop.run_until_complete([] { return value_of(8); }) == 8);

  const auto failing = []() -> awaitable<int> {
    throw std::logic_error("broken");
    co_return 0;
  };
  BOOST_TEST(thrown<std::logic_error>([&] { loop.run_until_complete(failing()); }) == "broken");

  const auto cancelling = []() -> awaitable<void> {
    throw cancelled_error("enough");
    co_return;
  };
  BOOST_TEST(thrown<cancelled_error>([&] { loop.run_until_complete(cancelling()); }) == "enough");

  const future<std::string> f = loop.create_future<std::string>();
  loop.call_soon([&] { f.set_result("set"); });
  BOOST_TEST(loop.run_until_complete(f) == "set");
  BOOST_TEST(loop.run_until_complete(f) == "set"); // done already
}

BOOST_AUTO_TEST_CASE(L6_a_loop_that_is_stopped_first_is_an_error_and_the_source_goes_on_in_the_next_run) {
  runner r;
  const event_loop loop = r.loop();
  const future<int> f = loop.create_future<int>();
  loop.call_soon([&] { loop.stop(); });
  BOOST_TEST(thrown<error>([&] { loop.run_until_complete(f); }) == "Event loop stopped before Future completed.");
  BOOST_TEST(!f.done());
  loop.call_soon([&] { f.set_result(1); });
  loop.call_later(1h, [] {});
  // The first run's callback, which would have stopped this run, is gone; the second one's is not.
  BOOST_TEST(loop.run_until_complete(f) == 1);
}

BOOST_AUTO_TEST_CASE(L6_what_leaves_the_loop_consumes_the_exception_of_the_temporary_task) {
  support::log_capture log;
  {
    runner r;
    const event_loop loop = r.loop();
    const auto failing = [&]() -> awaitable<void> {
      loop.call_soon([] { throw keyboard_interrupt(); });
      throw std::logic_error("broken");
      co_return;
    };
    bool interrupted = false;
    try {
      // The task fails in the first pass; the interrupt comes in the next one, before or with the end of the run.
      loop.run_until_complete(failing());
    } catch (const keyboard_interrupt&) {
      interrupted = true;
    }
    BOOST_TEST(interrupted);
  }
  BOOST_TEST(log.text() == "");
}

// --- L7: the closed loop, and other bad input --------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L7_every_call_on_a_closed_loop_says_so) {
  runner r;
  const event_loop loop = r.loop();
  const future<int> f = loop.create_future<int>();
  loop.close();
  BOOST_TEST(loop.is_closed());
  const std::string closed = "Event loop is closed";
  BOOST_TEST(thrown<error>([&] { loop.call_soon([] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.call_later(1s, [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.call_at(loop.time(), [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.call_soon_threadsafe([] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.create_task(value_of(1)); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_forever(); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_until_complete(value_of(1)); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_until_complete(f); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.run_in_executor(nullptr, [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { loop.add_signal_handler(SIGUSR2, [] {}); }) == closed);
  BOOST_TEST(thrown<error>([&] { run_coroutine_threadsafe(value_of(1), loop); }) == closed);
  BOOST_TEST(contains(thrown<error>([&] { r.run(value_of(1)); }), "closed"));
  BOOST_TEST(!loop.is_running());
}

BOOST_AUTO_TEST_CASE(L7_what_was_refused_is_destroyed_and_what_is_harmless_still_works) {
  runner r;
  const event_loop loop = r.loop();
  const future<int> f = loop.create_future<int>();
  loop.close();
  auto owned = std::make_shared<int>(1);
  BOOST_CHECK_THROW(loop.call_soon([o = owned] {}), error);
  BOOST_CHECK_THROW(loop.call_later(1s, [o = owned] {}), error);
  BOOST_CHECK_THROW(loop.call_soon_threadsafe([o = owned] {}), error);
  BOOST_CHECK_THROW(loop.create_task([o = owned] { return value_of(*o); }), error);
  BOOST_TEST(owned.use_count() == 1);

  f.add_done_callback([] { BOOST_ERROR("there is no loop to run it"); });
  f.set_result(3);
  f.add_done_callback([] { BOOST_ERROR("there is no loop to run it"); });
  BOOST_TEST(f.result() == 3);
  BOOST_TEST(!loop.create_future<void>().done());
  loop.set_debug(true);
  BOOST_TEST(loop.get_debug());
  BOOST_TEST(!loop.remove_signal_handler(SIGUSR2));
  (void)loop.time();
}

BOOST_AUTO_TEST_CASE(L7_close_twice_does_nothing_and_drops_what_is_queued) {
  const auto owned = std::make_shared<int>(1);
  runner r;
  const event_loop loop = r.loop();
  callback_handle soon = loop.call_soon([o = owned] { BOOST_ERROR("ran"); });
  callback_handle later = loop.call_later(1h, [o = owned] { BOOST_ERROR("ran"); });
  callback_handle other = loop.call_soon_threadsafe([o = owned] { BOOST_ERROR("ran"); });
  const future<int> f = loop.create_future<int>();
  f.add_done_callback([o = owned] { BOOST_ERROR("ran"); });
  BOOST_TEST(owned.use_count() == 5);
  loop.close();
  loop.close();
  BOOST_TEST(owned.use_count() == 1);
  soon.cancel(); // the handles outlive the loop
  later.cancel();
  other.cancel();
  BOOST_TEST(later.cancelled());
}

BOOST_AUTO_TEST_CASE(L7_a_running_loop_cannot_be_closed) {
  runner r;
  r.run([&]() -> awaitable<void> {
    BOOST_TEST(contains(thrown<error>([] { get_running_loop().close(); }), "Cannot close a running event loop"));
    co_await testing::passes(1);
  });
  BOOST_TEST(!r.loop().is_closed());
  BOOST_TEST(r.run(value_of(3)) == 3);
}

BOOST_AUTO_TEST_CASE(L7_an_attached_loop_says_how_it_is_run_and_stopped) {
  boost::asio::io_context io(1);
  const event_loop loop(io.get_executor());
  BOOST_TEST(contains(thrown<error>([&] { loop.run_forever(); }), "run the io_context"));
  BOOST_TEST(contains(thrown<error>([&] { loop.run_until_complete(value_of(1)); }), "run the io_context"));
  BOOST_TEST(contains(thrown<error>([&] { loop.stop(); }), "stop the io_context"));
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { event_loop{boost::asio::any_io_executor()}; }), "empty"));
}

BOOST_AUTO_TEST_CASE(L7_an_attached_loop_can_be_closed_and_a_new_one_attached) {
  boost::asio::io_context io(1);
  const event_loop first(io.get_executor());
  bool ran = false;
  first.call_soon([] { BOOST_ERROR("was dropped"); });
  first.close();
  const event_loop second(io.get_executor());
  BOOST_CHECK(!(first == second));
  second.call_soon([&] { ran = true; });
  io.run();
  BOOST_TEST(ran);
  BOOST_TEST(first.is_closed());
}

BOOST_AUTO_TEST_CASE(L7_handles_for_equal_executors_are_the_same_loop) {
  boost::asio::io_context io(1);
  const auto strand = boost::asio::make_strand(io);
  BOOST_CHECK(event_loop(io.get_executor()) == event_loop(io.get_executor()));
  BOOST_CHECK(event_loop(strand) == event_loop(strand));
  BOOST_CHECK(!(event_loop(strand) == event_loop(io.get_executor())));
}

// --- L10: the running loop ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(L10_a_nested_run_is_refused_and_the_outer_one_goes_on) {
  const auto owned = std::make_shared<int>(1);
  runner other;
  testing::virtual_runner other_virtual;
  BOOST_TEST(run([&]() -> awaitable<int> {
               const event_loop loop = get_running_loop();
               const auto task_like = [&, o = owned]() -> awaitable<int> { return value_of(*o); };
               BOOST_TEST(contains(thrown<error>([&] { run(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { other.run(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { testing::run_virtual(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { other_virtual.run(task_like); }), "running event loop"));
               BOOST_TEST(contains(thrown<error>([&] { other.loop().run_forever(); }), "another loop is running"));
               BOOST_TEST(contains(thrown<error>([&] { other.loop().run_until_complete(value_of(1)); }),
                                   "another loop is running"));
               BOOST_TEST(thrown<error>([&] { loop.run_forever(); }) == "This event loop is already running");
               BOOST_TEST(thrown<error>([&] { loop.run_until_complete(value_of(1)); }) ==
                          "This event loop is already running");
               BOOST_TEST(owned.use_count() == 2); // ours and that of the closure here
               BOOST_CHECK(get_running_loop() == loop);
               co_await testing::passes(1);
               co_return 1;
             }) == 1);
  BOOST_TEST(other.run(value_of(2)) == 2);
}

BOOST_AUTO_TEST_CASE(L10_outside_a_loop_there_is_none) {
  BOOST_TEST(thrown<error>([] { get_running_loop(); }) == "no running event loop");
  BOOST_CHECK(!get_running_loop_or_none());
  BOOST_TEST(contains(thrown<error>([] { create_task(value_of(1)); }), "no running event loop"));
  BOOST_CHECK(!current_task());
  testing::run_virtual([]() -> awaitable<void> {
    BOOST_CHECK(get_running_loop_or_none() == get_running_loop());
    BOOST_TEST(get_running_loop().is_running());
    co_return;
  });
  BOOST_CHECK(!get_running_loop_or_none());
}

BOOST_AUTO_TEST_CASE(L10_the_running_loop_is_thread_local) {
  bool none = false;
  int inner = 0;
  run([&]() -> awaitable<void> {
    std::thread other([&] {
      none = !get_running_loop_or_none();
      inner = run(value_of(4)); // not nested: another thread
    });
    other.join();
    BOOST_CHECK(get_running_loop_or_none());
    co_return;
  });
  BOOST_TEST(none);
  BOOST_TEST(inner == 4);
}

BOOST_AUTO_TEST_CASE(L10_a_forked_child_has_no_running_loop_and_may_run_its_own) {
  int status = -1;
  run([&]() -> awaitable<void> {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 1;
      if (!get_running_loop_or_none() && !current_task()) try {
          code = run(value_of(42));
        } catch (...) {
          code = 2;
        }
      ::_exit(code);
    }
    ::waitpid(child, &status, 0);
    BOOST_CHECK(get_running_loop_or_none()); // the parent still has its own
    co_return;
  });
  BOOST_TEST(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 42);
}
