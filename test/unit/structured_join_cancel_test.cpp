// join: cancellation, circles, bad input, the ends of loops: every child has ended when it returns.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/loop_thread.hpp>
#include <rondo/structured.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

// --- cancellation ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(join_passes_a_cancel_on_once_and_waits_for_all) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto refuses_once = [&]() -> awaitable<void> {
      co_await note_cancel(&log, "child"); // ends it
    };
    auto user = create_task(join(refuses_once, ends_late(&log)));
    co_await testing::passes(2);
    user.cancel("enough");
    co_await sleep(500ms);
    BOOST_TEST(!user.done());
    user.cancel("again"); // does not interrupt the clean-up of the child
    co_await settle(user);
    BOOST_TEST(user.cancelled());
    BOOST_TEST(user.cancelling() == 2);
    BOOST_TEST((clock::now() == clock::time_point(1s)));
  });
  CHECK_TRACE(log, "child cancelled enough", "late");
}

BOOST_AUTO_TEST_CASE(join_throws_the_cancellation_with_its_message_also_if_the_children_refuse) {
  testing::run_virtual([]() -> awaitable<void> {
    auto user = create_task(join(refuses(1), refuses(2)));
    co_await testing::passes(2);
    user.cancel("why");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "why");
  });
}

BOOST_AUTO_TEST_CASE(join_throws_errors_before_a_cancellation_which_comes_with_the_next_wait) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto uses = [&]() -> awaitable<void> {
      auto end = co_await end_of(join(fails_instead("clean-up failed"), refuses(1)));
      log.push_back(end);
      log.push_back(std::to_string(current_task().cancelling()));
      end = co_await end_of(sleep(1s));
      log.push_back(end);
      end = co_await end_of(sleep(1s));
      log.push_back(end);
    };
    auto user = create_task(uses);
    co_await testing::passes(2);
    user.cancel("why");
    co_await user.get();
    BOOST_TEST(user.cancelling() == 1);
  });
  CHECK_TRACE(log, "clean-up failed", "1", "Cancelled(why)", "none");
}

BOOST_AUTO_TEST_CASE(join_that_was_cancelled_before_it_began_never_runs_its_children) {
  testing::run_virtual([]() -> awaitable<void> {
    bool ran = false;
    const auto uses = [&]() -> awaitable<void> {
      current_task().cancel("before");
      const auto child = [&]() -> awaitable<void> {
        ran = true;
        co_return;
      };
      co_await join(child, child);
    };
    auto s = co_await settle(create_task(uses));
    BOOST_TEST(message_of(s) == "before");
    BOOST_TEST(!ran);
  });
}

BOOST_AUTO_TEST_CASE(join_in_a_circle_with_a_child_ends_when_it_is_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> user;
    const auto waits_for_user = [&]() -> awaitable<void> { co_await user.get(); };
    const auto uses = [&]() -> awaitable<void> { co_await join(waits_for_user, for_ever()); };
    user = create_task(uses);
    co_await testing::passes(3);
    user.cancel("stop");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "stop");
    BOOST_TEST(user.cancelling() == 1);
  });
}

BOOST_AUTO_TEST_CASE(join_ends_children_that_await_each_other_in_a_circle) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> a, b;
    const auto waits = [](task<void>& other) -> awaitable<void> { co_await other.get(); };
    a = create_task(waits(b));
    b = create_task(waits(a));
    auto s = co_await settle(join(a, b, raise_after(3, "boom")));
    BOOST_TEST(shape(s.error()) == "boom");
    BOOST_TEST(a.cancelled());
    BOOST_TEST(b.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(joins_nest) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto [inner, c] = (co_await join(join(value_of(1), value_after(1s, 2)), value_of(3)));
    BOOST_TEST((inner == std::tuple(1, 2)));
    BOOST_TEST(c == 3);
    auto s = co_await settle(join(join(fails_instead("a"), fails_instead("b")), fails_after(1s, "c")));
    BOOST_TEST(shape(s.error()) == "Group[c, Group[a, b]]");
    auto user = create_task(join(join(ends_late(&log, "inner"), nothing()), ends_late(&log, "outer")));
    co_await testing::passes(4);
    user.cancel();
    co_await settle(user);
    BOOST_TEST(user.cancelled());
  });
  CHECK_TRACE(log, "inner", "outer"); // in the order in which the cancellation reached them
}

// --- bad input, and the ends of loops ------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(join_refuses_bad_input_before_anything_starts) {
  loop_thread other;
  auto elsewhere = other.submit([] { return for_ever(); });
  task<void> foreign;
  other
      .submit([&]() -> awaitable<void> {
        foreign = create_task(for_ever());
        co_return;
      })
      .result();
  testing::run_virtual([&]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    auto s = co_await settle(join(hold(token), foreign));
    BOOST_TEST(s.error_as<std::invalid_argument>() != nullptr);
    auto empty = co_await settle(join(hold(token), task<int>()));
    BOOST_TEST(contains(text_in<std::logic_error>(empty.error()), "the handle is empty"));
    BOOST_TEST(token.use_count() == 1);
    BOOST_TEST(all_tasks().size() == 1u);
  });
  other.stop();
}

BOOST_AUTO_TEST_CASE(join_of_the_running_task_is_an_error) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> user;
    const auto uses = [&]() -> awaitable<void> { co_await join(user, for_ever()); };
    user = create_task(uses, task_options().name("user"));
    auto s = co_await settle(user);
    BOOST_TEST(contains(text_in<std::runtime_error>(s.error()), "Task cannot await on itself: task 'user'"));
  });
}

BOOST_AUTO_TEST_CASE(join_with_a_task_factory_that_throws_stops_what_has_started) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    int made = 0;
    get_running_loop().set_task_factory([&](task_options&) {
      if (++made == 2) throw std::runtime_error("no more tasks");
    });
    bool ran = false;
    const auto child = [&]() -> awaitable<void> {
      ran = true;
      co_return;
    };
    auto s = co_await settle(join(child, child, child));
    get_running_loop().set_task_factory({});
    BOOST_TEST(shape(s.error()) == "no more tasks");
    BOOST_TEST(made == 2);
    BOOST_TEST(!ran);
    BOOST_TEST(all_tasks().size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(join_outside_of_a_loop_is_an_error_and_destroys_its_sources) {
  auto token = std::make_shared<int>(1);
  boost::asio::io_context context;
  std::exception_ptr error;
  const auto uses = [&]() -> awaitable<void> { co_await join(hold(token)); };
  boost::asio::co_spawn(context, uses, [&](std::exception_ptr e) { error = e; });
  context.run();
  BOOST_TEST(text_in<std::runtime_error>(error) == "no running event loop");
  BOOST_TEST(token.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(join_in_a_coroutine_of_asio_waits_for_all_when_that_is_cancelled) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    boost::asio::cancellation_signal signal;
    auto ended = get_running_loop().create_future<void>();
    const auto uses = [&]() -> awaitable<void> {
      auto end = co_await end_of(join(ends_late(&log), fails_instead("kept")));
      log.push_back(end);
    };
    boost::asio::co_spawn(get_running_loop().get_executor(), uses,
                          boost::asio::bind_cancellation_slot(
                              signal.slot(), [ended](std::exception_ptr) mutable { ended.set_result(); }));
    co_await testing::passes(3);
    signal.emit(boost::asio::cancellation_type::all);
    co_await ended.get();
    BOOST_TEST(all_tasks().size() == 1u);
  });
  CHECK_TRACE(log, "late", "kept");
}

BOOST_AUTO_TEST_CASE(join_leaves_nothing_behind_when_its_loop_ends_first) {
  log_capture reports;
  const auto token = std::make_shared<int>(1);
  const auto never_ends = [](std::shared_ptr<int>) -> awaitable<void> {
    for (;;)
      co_await refuses(1);
  };
  bool after = false;
  const auto uses = [&]() -> awaitable<void> {
    co_await end_of(join(never_ends(token), hold(token)));
    after = true;
  };
  testing::run_virtual(
      [&]() -> awaitable<void> {
        create_task(uses);
        co_await testing::passes(3);
      },
      run_options().shutdown_timeout(1s));
  {
    boost::asio::io_context context(1);
    event_loop loop(context.get_executor());
    loop.create_task(uses);
    context.poll();
    BOOST_TEST(token.use_count() > 1);
  }
  BOOST_TEST(!after);
  BOOST_TEST(token.use_count() == 1);
  BOOST_TEST(contains(reports.text(), "did not end within the shutdown timeout"));
}
