// Debug mode: calls on wrong threads, slow callbacks (rule DB1).
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::place;
using support::sleep_long;
using support::thrown;
using support::trace;

namespace {

/// Runs f() on another thread and waits for its end.
template <class F>
void on_another_thread(F f) {
  std::thread(f).join();
}

/// Sets or removes an environment variable for the time of a test.
class environment {
public:
  environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() { set(old_ ? old_->c_str() : nullptr); }

  void set(const char* value) {
    if (value)
      ::setenv(name_, value, 1);
    else
      ::unsetenv(name_);
  }

private:
  const char* name_;
  std::optional<std::string> old_;
};

} // namespace

BOOST_AUTO_TEST_CASE(DB1_debug_mode_is_set_by_the_environment_the_options_or_a_call) {
  // Passing a coroutine to call_soon, a TypeError in asyncio's debug mode, does not compile here: see test/compile_fail.
  environment variable("RONDO_DEBUG", "1");
  BOOST_TEST(runner().loop().get_debug());
  BOOST_TEST(!runner(run_options().debug(false)).loop().get_debug());
  variable.set("0");
  BOOST_TEST(!runner().loop().get_debug());
  variable.set("");
  BOOST_TEST(!runner().loop().get_debug());
  variable.set(nullptr);
  BOOST_TEST(!runner().loop().get_debug());
  BOOST_TEST(runner(run_options().debug(true)).loop().get_debug());
  testing::run_virtual(
      []() -> awaitable<void> {
        const event_loop loop = get_running_loop();
        BOOST_TEST(loop.get_debug());
        loop.set_debug(false);
        BOOST_TEST(!loop.get_debug());
        co_return;
      },
      run_options().debug(true));
}

BOOST_AUTO_TEST_CASE(DB1_a_call_on_a_wrong_thread_names_the_call_and_the_right_one) {
  testing::run_virtual(
      []() -> awaitable<void> {
        using error = std::runtime_error;
        const event_loop loop = get_running_loop();
        const future<int> f = loop.create_future<int>();
        const task<void> t = create_task(sleep_long());
        const auto owned = std::make_shared<int>(1);
        std::vector<std::string> texts;
        on_another_thread([&] {
          texts.push_back(thrown<error>([&] { loop.call_soon([o = owned] {}); }));
          texts.push_back(thrown<error>([&] { loop.call_later(1s, [o = owned] {}); }));
          texts.push_back(thrown<error>([&] { loop.call_at(clock::time_point(), [o = owned] {}); }));
          texts.push_back(thrown<error>([&] { f.add_done_callback([o = owned] {}); }));
          texts.push_back(thrown<error>([&] { f.set_result(1); }));
          texts.push_back(thrown<error>([&] { f.set_exception(1); }));
          texts.push_back(thrown<error>([&] { f.cancel(); }));
          texts.push_back(thrown<error>([&] { loop.create_task([o = owned] { return sleep_long(); }); }));
          texts.push_back(thrown<error>([&] { t.cancel(); }));
        });
        const std::vector<std::string> calls{"call_soon",  "call_later",    "call_at", "add_done_callback",
                                             "set_result", "set_exception", "cancel",  "create_task",
                                             "cancel"};
        BOOST_REQUIRE_EQUAL(texts.size(), calls.size());
        for (std::size_t i = 0; i < calls.size(); ++i) {
          BOOST_TEST(contains(
              texts[i], "Non-thread-safe operation invoked on an event loop other than the current one: " + calls[i]));
          BOOST_TEST(contains(texts[i], "; from other threads use "));
        }
        BOOST_TEST(contains(texts[0], "use call_soon_threadsafe"));
        BOOST_TEST(contains(texts[7], "use run_coroutine_threadsafe"));
        BOOST_TEST(contains(texts[8], "use cancel_threadsafe"));
        BOOST_TEST(owned.use_count() == 1);
        co_await testing::passes(2);
        BOOST_TEST((!f.done() && !t.done()));
        BOOST_TEST(t.cancelling() == 0);
        f.cancel();
      },
      run_options().debug(true));
}

BOOST_AUTO_TEST_CASE(DB1_the_thread_safe_calls_are_accepted_on_any_thread) {
  trace order;
  testing::run_virtual(
      [&]() -> awaitable<void> {
        const event_loop loop = get_running_loop();
        const task<void> t = create_task(sleep_long());
        co_await testing::passes(1);
        on_another_thread([&] {
          loop.call_soon_threadsafe([&] { order.push_back("callback"); });
          t.cancel_threadsafe("from outside");
          const future<int> copy = loop.create_future<int>();
          run_coroutine_threadsafe(
              [&]() -> awaitable<void> {
                order.push_back("coroutine");
                co_return;
              },
              loop);
          BOOST_TEST(!copy.done());
        });
        const settled<void> end = co_await settle(t);
        order.push_back(support::message_of(end));
        co_await testing::passes(2);
      },
      run_options().debug(true));
  CHECK_TRACE(order, "callback", "coroutine", "from outside");
}

BOOST_AUTO_TEST_CASE(DB1_starting_a_wait_on_a_thread_without_the_loop_is_refused_in_every_mode) {
  for (const bool debug : {false, true}) {
    testing::run_virtual(
        []() -> awaitable<void> {
          const future<int> f = get_running_loop().create_future<int>();
          const task<void> t = create_task(sleep_long());
          co_await testing::passes(1);
          std::vector<std::string> texts;
          on_another_thread([&] {
            boost::asio::io_context io(1);
            const auto wait = [&](auto start) -> boost::asio::awaitable<void> {
              try {
                co_await start();
                texts.push_back("<no exception>");
              } catch (const std::runtime_error& e) {
                texts.push_back(e.what());
              }
            };
            const auto ended = [](std::exception_ptr e) {
              if (e) std::rethrow_exception(e);
            };
            const auto get_future = [&] { return f.get(); };
            const auto get_task = [&] { return t.get(); };
            const auto sleeping = [] { return sleep(1s); };
            boost::asio::co_spawn(io, wait(get_future), ended);
            boost::asio::co_spawn(io, wait(get_task), ended);
            boost::asio::co_spawn(io, wait(sleeping), ended);
            io.run();
          });
          BOOST_REQUIRE_EQUAL(texts.size(), 3u);
          for (const std::string& text : texts)
            BOOST_TEST(contains(text, "no running event loop"));
          BOOST_TEST((!f.done() && !t.done()));
        },
        run_options().debug(debug));
  }
}

BOOST_AUTO_TEST_CASE(DB1_slow_callbacks_are_reported_with_what_they_are) {
  // A threshold of zero makes everything slow, so that the test need not be.
  support::log_capture log;
  unsigned line = 0;
  testing::run_virtual(
      [&]() -> awaitable<void> {
        const event_loop loop = get_running_loop();
        BOOST_CHECK(loop.slow_callback_duration() == 100ms);
        loop.slow_callback_duration(0ns);
        line = __LINE__ + 1;
        loop.call_soon([] {});
        create_task(sleep(1s), task_options().name("worker"));
        co_await sleep(2s);
        loop.slow_callback_duration(1h);
      },
      run_options().debug(true));
  const std::string text = log.text();
  BOOST_TEST(contains(text, "Executing callback made at " + place(line) + " took 0."));
  BOOST_TEST(contains(text, "Executing the first step of task 'worker' took 0."));
  BOOST_TEST(contains(text, "Executing task 'worker' after waiting for "));
  BOOST_TEST(contains(text, " seconds\n"));
}

BOOST_AUTO_TEST_CASE(DB1_fast_callbacks_are_not_reported_and_slow_ones_only_in_debug_mode) {
  support::log_capture log;
  testing::run_virtual(
      []() -> awaitable<void> {
        get_running_loop().slow_callback_duration(1h);
        get_running_loop().call_soon([] {});
        co_await sleep(2s);
      },
      run_options().debug(true));
  testing::run_virtual(
      []() -> awaitable<void> {
        get_running_loop().slow_callback_duration(0ns);
        get_running_loop().call_soon([] {});
        co_await sleep(2s);
      },
      run_options().debug(false));
  BOOST_TEST(log.text() == "");
}
