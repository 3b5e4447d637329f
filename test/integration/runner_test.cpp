// run, runner, shutdown and signals. Real time and real signals: both are what is tested.
// SPDX-License-Identifier: BSL-1.0
// labels: short
#include <rondo/rondo.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

/// Collects what is written to the log sink.
struct log_capture {
  log_capture() {
    set_log_sink([this](std::string_view text) { lines.emplace_back(text); });
  }
  ~log_capture() { set_log_sink({}); }
  bool contains(std::string_view text) const {
    for (const std::string& line : lines)
      if (line.find(text) != std::string::npos) return true;
    return false;
  }
  std::vector<std::string> lines;
};

awaitable<int> one() { co_return 1; }

awaitable<void> until_cancelled(int& ended) {
  try {
    co_await sleep(std::nullopt);
  } catch (const cancelled_error&) {
    ++ended;
    throw;
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(R1_run_inside_a_running_loop_is_refused_and_the_source_is_destroyed) {
  run([]() -> awaitable<void> {
    auto kept = std::make_shared<int>(1);
    std::weak_ptr<int> watch = kept;
    auto nested = [kept = std::move(kept)]() -> awaitable<int> { co_return *kept; };
    BOOST_CHECK_THROW(run(std::move(nested)), std::runtime_error);
    BOOST_TEST(watch.expired());
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(R1_a_runner_runs_many_times_on_one_loop_and_one_context) {
  static context_var<int> var("R1", 0);
  runner r;
  const event_loop loop = r.loop();
  r.run([]() -> awaitable<void> {
    var.set(3);
    co_return;
  });
  const int seen = r.run([loop]() -> awaitable<int> {
    BOOST_CHECK(get_running_loop() == loop);
    co_return var.get();
  });
  BOOST_TEST(seen == 3);
  BOOST_TEST(var.get() == 0);
  r.close();
  BOOST_TEST(loop.is_closed());
  BOOST_CHECK_THROW(r.run(one()), std::runtime_error);
  r.close();
}

BOOST_AUTO_TEST_CASE(R2_close_cancels_all_tasks_and_reports_their_exceptions) {
  int ended = 0;
  std::vector<std::string> reports;
  {
    runner r;
    r.loop().set_exception_handler(
        [&](event_loop, const exception_context& c) { reports.push_back(c.message + " " + c.task.name()); });
    r.run([&]() -> awaitable<void> {
      create_task(until_cancelled(ended));
      create_task(
          []() -> awaitable<void> {
            bool cancelled = false;
            try {
              co_await sleep(std::nullopt);
            } catch (const cancelled_error&) {
              cancelled = true;
            }
            co_await sleep(1ms); // clean-up may await
            if (cancelled) throw std::runtime_error("while cleaning up");
          },
          task_options().name("untidy"));
      co_await sleep(0ms);
    });
  }
  BOOST_TEST(ended == 1);
  BOOST_REQUIRE_EQUAL(reports.size(), 1u);
  BOOST_TEST(reports[0] == "unhandled exception during shutdown of the loop untidy");
}

BOOST_AUTO_TEST_CASE(R2_tasks_that_refuse_to_end_are_reported_with_their_names) {
  log_capture log;
  const auto begin = std::chrono::steady_clock::now();
  run(
      []() -> awaitable<void> {
        create_task(
            []() -> awaitable<void> {
              for (;;) {
                try {
                  co_await sleep(std::nullopt);
                } catch (const cancelled_error&) { // refuses
                }
              }
            },
            task_options().name("stubborn"));
        co_await sleep(0ms);
      },
      run_options().shutdown_timeout(20ms));
  BOOST_CHECK(std::chrono::steady_clock::now() - begin < 5s);
  BOOST_TEST(log.contains("did not end within the shutdown timeout"));
  BOOST_TEST(log.contains("'stubborn'"));
}

BOOST_AUTO_TEST_CASE(R2_threads_that_do_not_end_are_reported) {
  log_capture log;
  static std::atomic<bool> go_on, began;
  go_on = true;
  began = false;
  run(
      []() -> awaitable<void> {
        auto t = create_task(to_thread([] {
          began = true;
          while (go_on)
            std::this_thread::sleep_for(1ms);
        }));
        while (!began) // a job that has not begun can be cancelled
          co_await sleep(1ms);
        t.cancel();
      },
      run_options().shutdown_timeout(20ms));
  BOOST_TEST(log.contains("did not finish joining its threads"));
  go_on = false;
  std::this_thread::sleep_for(20ms);
}

BOOST_AUTO_TEST_CASE(R3_ctrl_c_cancels_the_main_task_and_leaves_as_keyboard_interrupt) {
  bool cleaned = false;
  BOOST_CHECK_THROW(run([&]() -> awaitable<void> {
                      get_running_loop().call_soon([] { ::raise(SIGINT); });
                      try {
                        co_await sleep(10s);
                      } catch (const cancelled_error&) {
                        cleaned = true;
                        throw;
                      }
                    }),
                    keyboard_interrupt);
  BOOST_TEST(cleaned);
  struct sigaction now = {};
  ::sigaction(SIGINT, nullptr, &now);
  BOOST_CHECK(now.sa_handler == SIG_DFL);
}

BOOST_AUTO_TEST_CASE(R3_a_task_that_swallows_ctrl_c_ends_normally) {
  const int result = run([]() -> awaitable<int> {
    get_running_loop().call_soon([] { ::raise(SIGINT); });
    try {
      co_await sleep(10s);
    } catch (const cancelled_error&) { // swallowed
    }
    co_return 5;
  });
  BOOST_TEST(result == 5);
}

BOOST_AUTO_TEST_CASE(R3_the_second_ctrl_c_leaves_at_once) {
  const auto begin = std::chrono::steady_clock::now();
  BOOST_CHECK_THROW(run([&]() -> awaitable<void> {
                      get_running_loop().call_soon([] { ::raise(SIGINT); });
                      bool first = false;
                      try {
                        co_await sleep(10s);
                      } catch (const cancelled_error&) {
                        first = true;
                      }
                      get_running_loop().call_soon([] { ::raise(SIGINT); });
                      if (first) co_await sleep(10s);
                    }),
                    keyboard_interrupt);
  BOOST_CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

BOOST_AUTO_TEST_CASE(R3_without_the_option_sigint_is_left_alone) {
  int count = 0;
  run(
      [&]() -> awaitable<void> {
        const event_loop loop = get_running_loop();
        loop.add_signal_handler(SIGINT, [&] { ++count; });
        ::raise(SIGINT);
        while (count == 0)
          co_await sleep(1ms);
      },
      run_options().handle_sigint(false));
  BOOST_TEST(count == 1);
}

BOOST_AUTO_TEST_CASE(R4_signal_handlers_run_in_the_loop_are_replaced_and_removed) {
  run([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    int first = 0, second = 0;
    loop.add_signal_handler(SIGUSR1, [&] { ++first; });
    ::raise(SIGUSR1);
    BOOST_TEST(first == 0);
    while (first == 0)
      co_await sleep(1ms);
    loop.add_signal_handler(SIGUSR1, [&] { ++second; });
    ::raise(SIGUSR1);
    while (second == 0)
      co_await sleep(1ms);
    BOOST_TEST(first == 1);
    BOOST_TEST(loop.remove_signal_handler(SIGUSR1));
    BOOST_TEST(!loop.remove_signal_handler(SIGUSR1));
    struct sigaction now = {};
    ::sigaction(SIGUSR1, nullptr, &now);
    BOOST_CHECK(now.sa_handler == SIG_DFL);
    BOOST_CHECK_THROW(loop.add_signal_handler(0, [] {}), std::invalid_argument);
    BOOST_CHECK_THROW(loop.add_signal_handler(10000, [] {}), std::invalid_argument);
    BOOST_CHECK_THROW(loop.add_signal_handler(SIGKILL, [] {}), std::runtime_error);
    BOOST_CHECK_THROW(loop.add_signal_handler(SIGUSR1, {}), std::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(R4_closing_the_loop_removes_its_handlers) {
  run([]() -> awaitable<void> {
    get_running_loop().add_signal_handler(SIGUSR2, [] {});
    co_return;
  });
  struct sigaction now = {};
  ::sigaction(SIGUSR2, nullptr, &now);
  BOOST_CHECK(now.sa_handler == SIG_DFL);
}

BOOST_AUTO_TEST_CASE(wait_signal_gives_the_number_and_gives_the_signal_back) {
  run([]() -> awaitable<void> {
    get_running_loop().call_soon([] { ::raise(SIGUSR2); });
    BOOST_TEST(co_await wait_signal(SIGUSR1, SIGUSR2) == SIGUSR2);
    auto t = create_task(wait_signal(SIGUSR1));
    co_await sleep(1ms);
    t.cancel();
    auto outcome = co_await settle(t);
    BOOST_TEST(outcome.cancelled());
    struct sigaction now = {};
    ::sigaction(SIGUSR1, nullptr, &now);
    BOOST_CHECK(now.sa_handler == SIG_DFL);
    BOOST_CHECK_THROW(co_await wait_signal(SIGKILL), std::runtime_error);
    BOOST_CHECK_THROW(co_await wait_signal(-1), std::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(shutdown_ends_the_other_tasks_of_an_attached_loop) {
  for (const bool strand : {false, true}) {
    boost::asio::io_context io(1);
    event_loop loop = strand ? event_loop(boost::asio::make_strand(io.get_executor())) : event_loop(io.get_executor());
    int ended = 0;
    bool shut_down = false;
    loop.create_task(until_cancelled(ended));
    loop.create_task([&]() -> awaitable<void> {
      co_await sleep(1ms);
      co_await get_running_loop().shutdown(1s);
      shut_down = true;
    });
    io.run();
    BOOST_TEST(ended == 1);
    BOOST_TEST(shut_down);
  }
}

BOOST_AUTO_TEST_CASE(an_attached_loop_keeps_its_context_running_only_for_foreground_tasks) {
  boost::asio::io_context io(1);
  event_loop loop(io.get_executor());
  bool done = false;
  const future<void> never = loop.create_future<void>();
  loop.create_task([&]() -> awaitable<void> { co_await never.get(); }, task_options().background(true));
  loop.create_task([&]() -> awaitable<void> {
    co_await sleep(2ms);
    done = true;
  });
  io.run(); // returns although the background task is not done
  BOOST_TEST(done);
}

BOOST_AUTO_TEST_CASE(a_sleeping_background_task_does_not_keep_a_context_running_but_works_while_it_runs) {
  for (const bool strand : {false, true}) {
    boost::asio::io_context io(1);
    event_loop loop = strand ? event_loop(boost::asio::make_strand(io.get_executor())) : event_loop(io.get_executor());
    int beats = 0;
    loop.create_task(
        [&]() -> awaitable<void> {
          for (;;) {
            co_await sleep(1ms);
            ++beats;
          }
        },
        task_options().background(true));
    // Somebody else's work, for as long as a busy machine may need for a few beats.
    boost::asio::steady_timer work(io);
    int rounds = 0;
    std::function<void()> go_on = [&] {
      work.expires_after(5ms);
      work.async_wait([&](auto) {
        if (beats <= 3 && ++rounds < 2000) go_on();
      });
    };
    go_on();
    io.run();
    BOOST_TEST(beats > 3);
    const int before = beats;
    io.restart();
    io.run(); // nothing but the background task: returns
    BOOST_TEST(beats <= before + 1);
  }
}

BOOST_AUTO_TEST_CASE(run_forever_and_stop_are_for_owned_loops) {
  boost::asio::io_context io(1);
  event_loop loop(io.get_executor());
  BOOST_CHECK_THROW(loop.run_forever(), std::runtime_error);
  BOOST_CHECK_THROW(loop.stop(), std::runtime_error);
  BOOST_CHECK_THROW(loop.run_until_complete(one()), std::runtime_error);
}
