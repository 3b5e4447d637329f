// Cancel scopes together with groups and clean-up, and the ends of tasks and loops.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/children.hpp"
#include "../support/ends.hpp"
#include "../support/expect.hpp"
#include "../support/scopes.hpp"
#include "../support/trace.hpp"

#include <rondo/detail/shield.hpp>
#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::at;
using support::error_of;
using support::for_ever;
using support::message_of;
using support::shielded;
using support::trace;
using support::witness;
using support::word;

namespace {

/// A clean-up of a second that says what became of it.
awaitable<void> clean_up(trace& log) { log.push_back("clean-up: " + co_await error_of(sleep(1s))); }

} // namespace

// --- groups --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(group_in_a_cancelled_scope_cancels_its_children_and_waits_for_them) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto child = [&]() -> awaitable<void> {
      const auto text = co_await error_of(for_ever());
      log.push_back(text);
      co_await sleep(3s); // no part of the scope
      log.push_back("child cleaned up");
    };
    auto grouped = [&](task_group& g) -> awaitable<void> {
      g.create_task(child);
      co_await for_ever();
    };
    auto body = [&]() -> awaitable<void> {
      co_await with_task_group(grouped);
      log.push_back("not reached");
    };
    const bool ended = co_await move_on_after(1s, body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "cancelled", "child cleaned up", "cut");
    BOOST_TEST((clock::now() == at(4s)));
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(group_behind_a_shield_in_a_cancelled_scope_runs_to_its_end) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto child = [&]() -> awaitable<void> {
      co_await sleep(2s);
      log.push_back("child");
    };
    auto grouped = [&](task_group& g) { g.create_task(child); };
    auto protected_part = [&]() -> awaitable<void> { co_await with_task_group(grouped); };
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel();
      co_await with_cancel_scope(shielded(), protected_part);
      log.push_back("group ended");
      co_await sleep(0s);
    };
    const bool ended = co_await with_cancel_scope(body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "child", "group ended", "cut");
  });
}

BOOST_AUTO_TEST_CASE(failing_child_ends_the_scope_around_its_groups_body) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope kept;
    std::string text;
    auto child = []() -> awaitable<void> {
      co_await sleep(1s);
      throw std::runtime_error("broken");
    };
    auto in_scope = [&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      co_await for_ever();
    };
    auto grouped = [&](task_group& g) -> awaitable<void> {
      g.create_task(child);
      co_await with_cancel_scope(in_scope);
      text = "not reached";
    };
    try {
      co_await with_task_group(grouped);
    } catch (const exception_group& e) {
      text += e.exceptions().size() == 1 ? "group" : "wrong";
    }
    BOOST_TEST(text == "group");
    BOOST_TEST(!kept.cancelled_caught());
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(tasks_made_in_a_scope_are_not_in_it) {
  testing::run_virtual([]() -> awaitable<void> {
    std::optional<task<int>> made;
    auto body = [&](cancel_scope& scope) {
      scope.cancel();
      made = create_task(sleep(1s, 1));
      create_task([]() -> awaitable<void> { co_await sleep(1s); }, task_options().eager(true));
    };
    co_await with_cancel_scope(body);
    const int value = co_await made->get();
    BOOST_TEST(value == 1);
  });
}

// --- clean-up ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(finally_cleans_up_in_a_cancelled_scope) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto cleanup = [&] { return clean_up(log); };
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel();
      co_await finally(&for_ever, cleanup);
      log.push_back("not reached");
    };
    bool ended = co_await with_cancel_scope(body);
    log.push_back(word(ended));
    BOOST_TEST((clock::now() == at(1s)));
    // The scope is cancelled while the clean-up runs, and nothing else would end the block.
    auto late = [&]() -> awaitable<void> {
      co_await finally([] {}, cleanup);
      log.push_back("cleaned up");
      co_await sleep(0s);
      log.push_back("not reached");
    };
    ended = co_await move_on_after(0.5s, late);
    log.push_back(word(ended));
    CHECK_TRACE(log, "clean-up: none", "cut", "clean-up: none", "cleaned up", "cut");
  });
}

BOOST_AUTO_TEST_CASE(shield_guard_shields_across_waits_of_a_coroutine) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      scope.cancel("scope");
      {
        const detail::shield_guard guard;
        co_await clean_up(log);
        co_await clean_up(log);
      }
      co_await clean_up(log);
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(ended);
    CHECK_TRACE(log, "clean-up: none", "clean-up: none", "clean-up: cancelled scope");
    get_running_loop().call_soon([] { const detail::shield_guard outside_of_a_task; });
    co_await sleep(0s);
  });
}

BOOST_AUTO_TEST_CASE(settle_in_a_scope_passes_the_scopes_cancellation_and_catches_others) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      auto t = create_task(for_ever());
      get_running_loop().call_later(1s, [t] { t.cancel("task"); });
      const auto s = co_await settle(t);
      log.push_back(message_of(s));
      get_running_loop().call_later(1s, [scope] { scope.cancel("scope"); });
      (void)co_await settle(sleep(10s));
      log.push_back("not reached");
    };
    const bool ended = co_await with_cancel_scope(body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "task", "cut");
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_of_a_task_that_is_in_a_scope) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    cancel_scope kept;
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      co_await error_of(for_ever());
      auto cleanup = [&] { return clean_up(log); };
      co_await with_cancel_scope(shielded(), cleanup);
      co_await for_ever();
    };
    auto t = create_task([&] { return with_cancel_scope(body); });
    co_await testing::passes(2);
    kept.cancel();
    co_await cancel_and_wait(t);
    BOOST_TEST(t.done());
    CHECK_TRACE(log, "clean-up: none");
    BOOST_TEST(current_task().cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_in_a_scope_waits_for_the_end_all_the_same) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto lingering = [&]() -> awaitable<void> {
      const witness end(log, "ended");
      std::exception_ptr error;
      try {
        co_await for_ever();
      } catch (const cancelled_error&) {
        error = std::current_exception();
      }
      co_await error_of(sleep(5s));
      std::rethrow_exception(error);
    };
    auto t = create_task(lingering);
    co_await testing::passes(1);
    auto body = [&]() -> awaitable<void> {
      co_await cancel_and_wait(t);
      log.push_back("not reached");
    };
    const bool ended = co_await move_on_after(1s, body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "ended", "cut");
  });
}

BOOST_AUTO_TEST_CASE(generator_may_have_scopes_and_be_used_in_them) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto numbers = []() -> async_generator<int> {
      for (int i = 0;; ++i) {
        const bool ended = co_await move_on_after(i == 1 ? 1s : 5s, []() -> awaitable<void> { co_await sleep(2s); });
        co_yield ended ? i : -1;
      }
    };
    auto g = numbers();
    auto body = [&]() -> awaitable<void> {
      for (;;) {
        const auto n = co_await g.next();
        log.push_back(std::to_string(n.value()));
      }
    };
    const bool ended = co_await move_on_after(6s, body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "0", "-1", "2", "cut");
    co_await g.aclose();
  });
}

// --- ends ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(loop_that_ends_in_the_middle_of_scopes_destroys_them) {
  trace log;
  const support::log_capture reports; // of the task that did not end
  cancel_scope kept;
  {
    boost::asio::io_context context(1);
    event_loop loop(context.get_executor());
    auto inside = [&](cancel_scope& scope) -> awaitable<void> {
      const witness end(log, "inner body");
      kept = scope;
      co_await for_ever();
    };
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      const witness end(log, "outer body");
      outer.cancel();
      const detail::shield_guard guard;
      co_await with_cancel_scope(shielded().deadline(clock::now() + 1h), inside);
    };
    loop.create_task([&] { return with_cancel_scope(body); }, task_options().background(true));
    context.poll();
    BOOST_TEST(log.empty());
  }
  CHECK_TRACE(log, "inner body", "outer body");
  BOOST_TEST(reports.size() == 1u);
  kept.cancel(); // as after any other end
  kept.deadline(at(0s));
  kept.shield(false);
  BOOST_TEST(!kept.cancel_called());
}

BOOST_AUTO_TEST_CASE(handle_may_outlive_the_task_and_the_loop) {
  cancel_scope kept;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await move_on_after(1s, [&](cancel_scope& scope) -> awaitable<void> {
      kept = scope;
      co_await for_ever();
    });
  });
  BOOST_TEST(kept.cancelled_caught());
  BOOST_TEST(kept.cancel_called());
  BOOST_TEST((kept.deadline() == at(1s)));
  kept.cancel();
}

BOOST_AUTO_TEST_CASE(shutdown_ends_a_task_that_is_in_a_scope) {
  trace log;
  auto body = [&](cancel_scope& scope) -> awaitable<void> {
    scope.cancel("scope");
    auto inside = [&]() -> awaitable<void> {
      log.push_back(co_await error_of(for_ever()));
      throw cancelled_error();
    };
    co_await with_cancel_scope(shielded(), inside);
  };
  auto left = [&]() -> awaitable<void> { co_await with_cancel_scope(body); };
  testing::run_virtual([&]() -> awaitable<void> {
    create_task(left);
    co_await testing::passes(3);
  });
  CHECK_TRACE(log, "cancelled");
}

BOOST_AUTO_TEST_CASE(scope_used_on_another_thread_names_the_remedy) {
  std::vector<std::string> errors;
  auto body = [&](cancel_scope& scope) {
    std::thread([&] {
      errors.push_back(support::thrown<std::runtime_error>([&] { scope.cancel(); }));
      errors.push_back(support::thrown<std::runtime_error>([&] { scope.deadline(clock::now()); }));
      errors.push_back(support::thrown<std::runtime_error>([&] { scope.shield(true); }));
    }).join();
    BOOST_TEST(!scope.cancel_called());
  };
  testing::run_virtual([&] { return with_cancel_scope(body); }, run_options().debug(true));
  BOOST_TEST(errors.size() == 3u);
  for (const std::string& text : errors)
    BOOST_TEST(support::contains(text, "call_soon_threadsafe"));
}
