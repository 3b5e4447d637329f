// task_group::cancel, by the rules of Python 3.15: TG11 and its traps.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

// --- TG11: task_group::cancel ------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG11_cancel_ends_body_and_tasks_and_the_block_returns_normally) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                          g.create_task(note_cancel(&log, "task"));
                          co_await testing::passes(2);
                          g.cancel("done with it");
                          g.cancel("a second time");
                          log.push_back("body goes on");
                          co_await note_cancel(&log, "body");
                        }));
  });
  CHECK_TRACE(log, "body goes on", "task cancelled done with it", "body cancelled done with it", "none", "0", "none");
}

BOOST_AUTO_TEST_CASE(TG11_cancel_by_a_task_or_a_callback) {
  for (const bool callback : {true, false}) {
    trace log;
    testing::run_virtual([&]() -> awaitable<void> {
      co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                            g.create_task(note_cancel(&log, "task"));
                            if (callback)
                              get_running_loop().call_later(1s, [&] { g.cancel(); });
                            else
                              g.create_task([&]() -> awaitable<void> {
                                co_await sleep(1s);
                                g.cancel();
                                co_await note_cancel(&log, "the one that cancelled");
                              });
                            co_await note_cancel(&log, "body");
                          }));
      BOOST_TEST(now_is(1s));
    });
    if (callback)
      CHECK_TRACE(log, "task cancelled", "body cancelled", "none", "0", "none");
    else
      CHECK_TRACE(log, "task cancelled", "body cancelled", "the one that cancelled cancelled", "none", "0", "none");
  }
}

BOOST_AUTO_TEST_CASE(TG11_cancel_while_the_group_winds_down_keeps_the_value_of_the_body) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    int v = co_await with_task_group([&](task_group& g) -> awaitable<int> {
      g.create_task(ends_late(&log));
      get_running_loop().call_later(1s, [&] { g.cancel(); });
      co_return 5;
    });
    BOOST_TEST(v == 5);
    BOOST_TEST(now_is(2s));
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "late");
}

BOOST_AUTO_TEST_CASE(TG11_the_value_of_a_body_that_was_interrupted) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto as_int = [](task_group& g) -> awaitable<int> {
      g.cancel();
      co_await sleep(1s);
      co_return 1;
    };
    auto s = co_await settle(with_task_group(as_int));
    BOOST_TEST(contains(text_in<std::runtime_error>(s.error()), "so there is no value"));
    const auto as_optional = [](task_group& g) -> awaitable<std::optional<int>> {
      g.cancel();
      co_await sleep(1s);
      co_return 1;
    };
    auto none = co_await with_task_group(as_optional);
    BOOST_TEST(!none.has_value());
    const auto swallows = [](task_group& g) -> awaitable<int> {
      g.cancel();
      co_return co_await refuses(3);
    };
    int three = co_await with_task_group(swallows);
    BOOST_TEST(three == 3);
    const auto waits_no_more = [](task_group& g) -> awaitable<int> {
      g.cancel();
      co_return 4;
    };
    int four = co_await with_task_group(waits_no_more);
    BOOST_TEST(four == 4);
    BOOST_TEST(current_task().cancelling() == 0);
    co_await sleep(1s);
  });
}

BOOST_AUTO_TEST_CASE(TG11_errors_of_the_clean_up_are_thrown_all_the_same) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                          g.create_task(fails_instead("task"));
                          co_await testing::passes(2);
                          g.cancel();
                          co_await fails_instead("body");
                        }));
  });
  CHECK_TRACE(log, "Group[task, body]", "0", "none");
}

BOOST_AUTO_TEST_CASE(TG11_cancel_does_nothing_when_the_group_has_failed_or_finished) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& g) {
                          auto t = g.create_task(value_of(1));
                          t.add_done_callback([&] { g.cancel(); }); // after the group has seen its end
                        }));
    co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                          g.create_task(raise("boom"));
                          co_await refuses(0);
                          g.cancel();
                          co_await sleep(1s); // is not interrupted a second time
                        }));
    BOOST_TEST(now_is(1s));
  });
  CHECK_TRACE(log, "none", "0", "none", "Group[boom]", "0", "none");
}

BOOST_AUTO_TEST_CASE(TG11_nested_groups_end_where_they_were_cancelled) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& outer) -> awaitable<void> {
                          outer.create_task(note_cancel(&log, "outer task"));
                          co_await note_block(log, with_task_group([&](task_group& inner) -> awaitable<void> {
                                                co_await testing::passes(1);
                                                inner.cancel();
                                                co_await for_ever();
                                              }));
                          co_await note_block(log, with_task_group([&](task_group&) -> awaitable<void> {
                                                outer.cancel();
                                                co_await note_cancel(&log, "inner body");
                                              }));
                          log.push_back("the body may go on");
                        }));
  });
  CHECK_TRACE(log, "none", "0", "none", "outer task cancelled", "inner body cancelled", "Cancelled()", "1", "none",
              "the body may go on", "none", "0", "none");
}

BOOST_AUTO_TEST_CASE(TG11_both_groups_cancelled_at_once_leave_no_count) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& outer) -> awaitable<void> {
                          co_await with_task_group([&](task_group& inner) -> awaitable<void> {
                            inner.cancel();
                            outer.cancel();
                            co_await for_ever();
                          });
                          log.push_back("not reached: the inner group passes the other one's cancellation on");
                        }));
  });
  CHECK_TRACE(log, "none", "0", "none");
}

BOOST_AUTO_TEST_CASE(hops_cancel_of_a_group_ends_the_block_2_passes_after_the_last_task) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int cancelled = 0;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task(for_ever());
      co_await testing::passes(2);
      cancelled = tick.now();
      g.cancel();
    });
    BOOST_TEST(tick.now() - cancelled == 3);
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      co_await testing::passes(2);
      cancelled = tick.now();
      g.cancel();
    });
    BOOST_TEST(tick.now() == cancelled);
  });
}

// --- traps -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(trap_34_a_task_of_a_group_that_is_cancelled_before_its_first_step_never_runs) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    bool ran = false;
    co_await with_task_group([&](task_group& g) {
      g.create_task(hold(token));
      g.create_task([&]() -> awaitable<void> {
        ran = true;
        co_return;
      });
      g.cancel();
    });
    BOOST_TEST(!ran);
    BOOST_TEST(token.use_count() == 1); // discarded, and not leaked
  });
}

BOOST_AUTO_TEST_CASE(trap_36_an_eager_task_that_cancels_the_group_before_it_has_joined_is_cancelled) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& g) {
                          const auto child = [&]() -> awaitable<void> {
                            g.cancel("early");
                            co_await note_cancel(&log, "eager");
                          };
                          auto t = g.create_task(child, task_options().eager(true));
                          BOOST_TEST(!t.done());
                        }));
  });
  CHECK_TRACE(log, "eager cancelled", "none", "0", "none");
}

BOOST_AUTO_TEST_CASE(trap_37_a_cancel_of_the_group_does_not_swallow_one_from_outside) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool winding_down : {true, false})
      for (const bool outside_first : {true, false}) {
        trace log;
        task_group* group = nullptr;
        const auto uses = [&]() -> awaitable<void> {
          co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                                group = &g;
                                g.create_task(for_ever());
                                if (!winding_down) co_await for_ever();
                              }));
        };
        auto user = create_task(uses);
        co_await testing::passes(3);
        if (outside_first) user.cancel("outside");
        group->cancel();
        if (!outside_first) user.cancel("outside");
        co_await user.get();
        BOOST_TEST(log.front().starts_with("Cancelled("));
        BOOST_TEST(log[1] == "1");
        BOOST_TEST(log[2] == "none");
      }
  });
}

BOOST_AUTO_TEST_CASE(trap_37_a_timeout_around_a_cancelled_group_throws_when_its_time_is_over) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const clock::duration when : {500ms, 1000ms, 1500ms}) {
      trace log;
      co_await note_block(log, with_timeout(1s, [&] {
                            return with_task_group([&](task_group& g) -> awaitable<void> {
                              get_running_loop().call_later(when, [&] { g.cancel(); });
                              g.create_task(ends_late(&log));
                              co_await for_ever();
                            });
                          }));
      // The clean-up takes a second, so the time is over in any case before the block has ended.
      CHECK_TRACE(log, "late", "Timeout", "0", "none");
    }
  });
}

BOOST_AUTO_TEST_CASE(trap_38_a_group_that_was_cancelled_takes_no_more_tasks) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    std::string text;
    co_await with_task_group([&](task_group& g) {
      g.cancel();
      text = thrown<std::runtime_error>([&] { g.create_task(hold(token)); });
      BOOST_TEST(token.use_count() == 1);
    });
    BOOST_TEST(text.starts_with("TaskGroup <TaskGroup cancelling> is shutting down"));
  });
}
