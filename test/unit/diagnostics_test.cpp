// Diagnostics: reports of what nobody handled, and exception handlers (rules D1 to D5).
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::place;
using support::sleep_long;
using support::trace;

namespace {

awaitable<void> fail(std::string text) {
  throw std::logic_error(text);
  co_return;
}

} // namespace

// --- D1, D2: last words ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(D1_a_task_that_is_destroyed_while_it_is_pending_is_reported) {
  support::log_capture log;
  unsigned line = 0;
  std::optional<boost::asio::io_context> io(1);
  {
    const event_loop loop(io->get_executor());
    line = __LINE__ + 1;
    loop.create_task(sleep_long(), task_options().name("sleeper").background(true));
    io->poll();
    loop.create_task(sleep_long(), task_options().name("unstarted"));
  }
  BOOST_TEST(log.size() == 0u); // the loop keeps its tasks alive
  io.reset();
  BOOST_TEST(log.size() == 2u);
  BOOST_TEST(contains(log.text(), "Task was destroyed but it is pending!: task 'sleeper' created at " + place(line)));
  BOOST_TEST(contains(log.text(), "Task was destroyed but it is pending!: task 'unstarted' created at "));
}

BOOST_AUTO_TEST_CASE(D1_a_handle_that_outlives_the_loop_delays_the_report_and_there_is_only_one) {
  support::log_capture log;
  std::optional<boost::asio::io_context> io(1);
  task<void> t = event_loop(io->get_executor()).create_task(sleep_long(), task_options().name("sleeper"));
  io->poll();
  io.reset();
  BOOST_TEST(log.size() == 0u);
  BOOST_TEST(!t.done());
  BOOST_TEST(t.name() == "sleeper");
  t = {};
  BOOST_TEST(log.size() == 1u);
}

BOOST_AUTO_TEST_CASE(D1_the_end_of_run_leaves_no_pending_task) {
  support::log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    create_task(sleep_long());
    create_task([] { return sleep_long(); });
    co_await testing::passes(1);
    create_task(sleep_long()); // has not begun when main ends
  });
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(D2_an_exception_that_was_never_retrieved_is_reported_with_name_and_place) {
  support::log_capture log;
  unsigned line = 0;
  bool went_on = false;
  testing::run_virtual([&]() -> awaitable<void> {
    line = __LINE__ + 1;
    create_task(fail("out of a detached task"), task_options().name("worker"));
    co_await testing::passes(3);
    went_on = true;
  });
  BOOST_TEST(went_on);
  BOOST_REQUIRE_EQUAL(log.size(), 1u);
  BOOST_TEST(log.reports()[0] == "Task exception was never retrieved: task 'worker' created at " + place(line) +
                                     "\n  exception: std::logic_error: out of a detached task\n  task: 'worker'");
}

BOOST_AUTO_TEST_CASE(D2_the_exception_handler_gets_the_task_and_the_exception) {
  support::log_capture log;
  std::vector<exception_context> reports;
  const std::exception_ptr original = std::make_exception_ptr(std::logic_error("broken"));
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_exception_handler([&](event_loop l, const exception_context& c) {
      BOOST_CHECK(l == loop);
      reports.push_back(c);
    });
    auto body = [&]() -> awaitable<int> {
      co_await testing::passes(1);
      std::rethrow_exception(original);
    };
    task<int> t = create_task(body, task_options().name("worker"));
    co_await testing::passes(3);
    BOOST_TEST(t.done());
    BOOST_TEST(reports.empty()); // somebody may still ask
    t = {};
    BOOST_REQUIRE_EQUAL(reports.size(), 1u);
    loop.set_exception_handler({});
  });
  BOOST_TEST(reports[0].message.starts_with("Task exception was never retrieved"));
  BOOST_TEST(contains(reports[0].message, "'worker'"));
  BOOST_CHECK(reports[0].exception == original);
  BOOST_TEST(reports[0].task.name() == "worker");
  BOOST_CHECK(!reports[0].future && !reports[0].handle);
  BOOST_TEST(reports[0].task.done());
  reports.clear();
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(D2_whoever_looks_at_the_outcome_takes_the_report_away) {
  support::log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    for (const int how : {0, 1, 2, 3}) {
      const task<void> t = create_task(fail("broken"));
      co_await testing::passes(2);
      BOOST_TEST(t.done());
      if (how == 0) BOOST_CHECK_THROW(t.result(), std::logic_error);
      if (how == 1) BOOST_CHECK(t.exception() != nullptr);
      if (how == 2) BOOST_TEST(!t.cancel());
      if (how == 3) {
        const settled<void> s = co_await settle(t);
        BOOST_TEST(!s);
      }
    }
    auto cancelled = create_task(sleep_long());
    cancelled.cancel();
    co_await testing::passes(2);
  });
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(D2_any_exception_can_be_described) {
  support::log_capture log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto number = []() -> awaitable<void> {
      throw 42;
      co_return;
    };
    create_task(number);
    const future<int> f = get_running_loop().create_future<int>();
    f.set_exception(cancelled_error("set by hand"));
    co_await testing::passes(3);
  });
  BOOST_REQUIRE_EQUAL(log.size(), 2u);
  BOOST_TEST(contains(log.text(), "\n  exception: int"));
  BOOST_TEST(contains(log.text(), "Future exception was never retrieved\n  exception: rondo::cancelled_error: set"));
}

// --- D3, D4 ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(D3_a_coroutine_that_is_never_awaited_does_not_run_and_releases_its_arguments) {
  // Python's interpreter warns "coroutine was never awaited" when it collects one. Here boost::asio::awaitable is the
  // coroutine type, and a library cannot look into its destructor; being [[nodiscard]], it makes the compiler warn about
  // a call whose result is dropped. What remains to be tested is that nothing runs and nothing leaks.
  bool ran = false;
  const auto owned = std::make_shared<int>(1);
  const auto body = [&ran](std::shared_ptr<int>) -> awaitable<void> {
    ran = true;
    co_return;
  };
  support::log_capture log;
  testing::run_virtual([&]() -> awaitable<void> {
    {
      const awaitable<void> never = body(owned);
      BOOST_TEST(owned.use_count() == 2);
    }
    BOOST_TEST(owned.use_count() == 1);
    co_return;
  });
  // The same for a coroutine that a call refuses: there is no loop here.
  BOOST_CHECK_THROW(create_task(body(owned)), std::runtime_error);
  BOOST_TEST(owned.use_count() == 1);
  BOOST_TEST(!ran);
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(D4_an_unclosed_loop_closes_itself) {
  // Python warns about a loop that is collected unclosed. Here the owner closes it in its destructor, so there is
  // nothing left to warn about: tasks are cancelled and awaited, callbacks dropped.
  support::log_capture log;
  trace order;
  const auto owned = std::make_shared<int>(1);
  std::optional<testing::virtual_runner> r(std::in_place);
  const event_loop loop = r->loop();
  auto body = [&]() -> awaitable<void> {
    bool cancelled = false;
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      cancelled = true;
    }
    order.push_back(cancelled ? "cancelled" : "slept");
    co_await sleep(1s); // clean-up may wait
    order.push_back("cleaned up");
  };
  loop.create_task(body);
  r->run([]() -> awaitable<void> { co_await testing::passes(2); });
  loop.call_later(24h, [o = owned] {});
  BOOST_TEST(order.empty());
  r.reset();
  CHECK_TRACE(order, "cancelled", "cleaned up");
  BOOST_TEST(loop.is_closed());
  BOOST_TEST(owned.use_count() == 1);
  BOOST_TEST(log.text() == "");
}

// --- D5: exception handlers --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(D5_an_exception_out_of_an_exception_handler_is_reported_by_the_default_one) {
  support::log_capture log;
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_exception_handler([&](event_loop, const exception_context&) {
      order.push_back("handler");
      throw std::domain_error("out of the handler");
    });
    loop.call_soon([] { throw std::logic_error("out of a callback"); });
    loop.call_soon([&] { order.push_back("next"); });
    co_await testing::passes(1);
    create_task(fail("out of a detached task"));
    co_await testing::passes(2);
    order.push_back("main");
  });
  CHECK_TRACE(order, "handler", "next", "handler", "main");
  const std::string text = log.text();
  BOOST_TEST(contains(text, "Exception in callback"));
  BOOST_TEST(contains(text, "std::logic_error: out of a callback"));
  BOOST_TEST(contains(text, "Unhandled error in exception handler"));
  BOOST_TEST(contains(text, "std::domain_error: out of the handler"));
  BOOST_TEST(contains(text, "std::logic_error: out of a detached task"));
}

BOOST_AUTO_TEST_CASE(D5_a_log_sink_that_throws_does_not_stop_the_loop) {
  bool went_on = false;
  int calls = 0;
  set_log_sink([&](std::string_view) {
    ++calls;
    throw std::runtime_error("the disk is full");
  });
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().call_soon([] { throw std::logic_error("broken"); });
    co_await testing::passes(2);
    went_on = true;
  });
  set_log_sink({});
  BOOST_TEST(went_on);
  BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(D5_keyboard_interrupt_out_of_a_handler_leaves_the_loop) {
  testing::virtual_runner r;
  r.loop().set_exception_handler([](event_loop, const exception_context&) { throw keyboard_interrupt(); });
  bool interrupted = false;
  try {
    r.run([]() -> awaitable<void> {
      get_running_loop().call_soon([] { throw std::logic_error("broken"); });
      co_await sleep(1h);
    });
  } catch (const keyboard_interrupt&) {
    interrupted = true;
  }
  BOOST_TEST(interrupted);
  r.loop().set_exception_handler({});
}

BOOST_AUTO_TEST_CASE(exception_handler_can_be_replaced_also_by_itself_and_an_empty_one_restores_the_default) {
  support::log_capture log;
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const auto owned = std::make_shared<std::string>("first");
    loop.set_exception_handler([&order, name = owned](event_loop l, const exception_context& c) {
      l.set_exception_handler([&order](event_loop, const exception_context&) { order.push_back("second"); });
      order.push_back(*name + ": " + c.message); // what it holds is still there
    });
    exception_context report;
    report.message = "one";
    loop.call_exception_handler(report);
    BOOST_TEST(owned.use_count() == 1);
    loop.call_exception_handler(report);
    loop.set_exception_handler({});
    report.message = "three";
    report.exception = std::make_exception_ptr(std::logic_error("broken"));
    loop.call_exception_handler(report);
    loop.set_exception_handler([&](event_loop l, const exception_context& c) { l.default_exception_handler(c); });
    report.message = "four";
    loop.call_exception_handler(report);
    co_return;
  });
  CHECK_TRACE(order, "first: one", "second");
  const trace reports = log.reports();
  CHECK_TRACE(reports, "three\n  exception: std::logic_error: broken", "four\n  exception: std::logic_error: broken");
}

BOOST_AUTO_TEST_CASE(exception_handler_runs_in_the_context_of_what_failed) {
  context_var<std::string> user("user", "nobody");
  trace order;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_exception_handler([&](event_loop, const exception_context&) { order.push_back(user.get()); });
    user.set("callback");
    loop.call_soon([] { throw std::logic_error("broken"); });
    user.set("creator");
    auto body = [&]() -> awaitable<void> {
      user.set("task");
      throw std::logic_error("broken");
      co_return;
    };
    create_task(body);
    user.set("main");
    co_await testing::passes(3);
    loop.set_exception_handler({});
  });
  CHECK_TRACE(order, "callback", "task");
}

BOOST_AUTO_TEST_CASE(the_default_log_goes_to_standard_error) {
  std::FILE* const file = std::tmpfile();
  BOOST_REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file), STDERR_FILENO);
  testing::run_virtual([]() -> awaitable<void> {
    exception_context report;
    report.message = "something went wrong";
    get_running_loop().call_exception_handler(report);
    co_return;
  });
  std::fflush(stderr);
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  std::rewind(file);
  char text[200] = {};
  const std::size_t n = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  BOOST_TEST(std::string(text, n) == "rondo: something went wrong\n");
}
