// dump_tasks: what each task waits for.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::place;
using support::sleep_long;
using support::thrown;
using support::trace;

namespace {

std::string dump(const event_loop& loop) {
  std::ostringstream out;
  dump_tasks(loop, out);
  return out.str();
}

std::string dump() {
  std::ostringstream out;
  dump_tasks(out);
  return out.str();
}

} // namespace

BOOST_AUTO_TEST_CASE(dump_tasks_says_what_each_task_waits_for_and_since_when) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<int> f = loop.create_future<int>();
    auto wait_for_future = [&]() -> awaitable<void> { co_await f.get(); };
    auto wait_for_task = [](task<void> t) -> awaitable<void> { co_await t.get(); };
    auto refuse = []() -> awaitable<void> {
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
      }
      co_await sleep(1h);
    };
    const unsigned line = __LINE__ + 1;
    const task<void> sleeper = create_task(sleep_long(), task_options().name("sleeper"));
    create_task(wait_for_future, task_options().name("on future"));
    create_task(wait_for_task(sleeper), task_options().name("on task").background(true));
    const task<void> stubborn = create_task(refuse, task_options().name("stubborn"));
    co_await sleep(90s);
    stubborn.cancel();
    co_await sleep(2500ms);
    create_task(sleep_long(), task_options().name("new"));
    const std::string text = dump();
    BOOST_TEST(text == dump(loop));
    BOOST_TEST(contains(text, "6 task(s)\n  'main' created at "));
    BOOST_TEST(contains(text, ": running\n"));
    BOOST_TEST(contains(text, "  'sleeper' created at " + place(line) +
                                  ": waits for sleep, 3507.500 s left since 92.500 s\n"));
    BOOST_TEST(contains(text, "  'on future' created at " + place(line + 1) + ": waits for a future since 92.500 s\n"));
    BOOST_TEST(contains(text, "  'on task' created at " + place(line + 2) +
                                  ": waits for task 'sleeper' since 92.500 s, background\n"));
    BOOST_TEST(contains(text, ": waits for sleep, 3597.500 s left since 2.500 s, cancelled 1 time(s)\n"));
    BOOST_TEST(contains(text, ": waits for its first step since 0.000 s\n"));
    // A line for each, in the order of creation.
    std::istringstream lines(text);
    trace names;
    for (std::string l; std::getline(lines, l);)
      if (l.starts_with("  '")) names.push_back(l.substr(3, l.find('\'', 3) - 3));
    CHECK_TRACE(names, "main", "sleeper", "on future", "on task", "stubborn", "new");
    f.cancel();
    co_await testing::passes(2);
    BOOST_TEST(contains(dump(), "5 task(s)"));
  });
}

BOOST_AUTO_TEST_CASE(dump_tasks_knows_plain_asio_operations_and_endless_sleeps) {
  testing::run_virtual([]() -> awaitable<void> {
    auto plain = []() -> awaitable<void> {
      boost::asio::steady_timer timer(get_running_loop().get_executor(), 1h);
      co_await timer.async_wait(boost::asio::use_awaitable);
    };
    auto endless = []() -> awaitable<void> { co_await sleep(std::nullopt); };
    const task<void> a = create_task(plain, task_options().name("plain"));
    const task<void> b = create_task(endless, task_options().name("endless"));
    co_await testing::passes(2);
    const std::string text = dump();
    BOOST_TEST(contains(text, "waits for a plain Asio operation"));
    BOOST_TEST(contains(text, "waits for sleep without end"));
    co_await cancel_and_wait(a);
    co_await cancel_and_wait(b);
    BOOST_TEST(contains(dump(), "1 task(s)\n"));
  });
}

BOOST_AUTO_TEST_CASE(dump_tasks_of_a_loop_that_does_not_run_and_without_a_loop) {
  boost::asio::io_context io(1);
  const event_loop loop(io.get_executor());
  BOOST_TEST(dump(loop) == "0 task(s)\n");
  const task<void> t = loop.create_task(sleep_long(), task_options().name("waiting"));
  BOOST_TEST(contains(dump(loop), "1 task(s)\n  'waiting' created at "));
  BOOST_TEST(thrown<std::runtime_error>([] { dump(); }) == "no running event loop");
  t.cancel();
  io.run();
  BOOST_TEST(dump(loop) == "0 task(s)\n");
}
