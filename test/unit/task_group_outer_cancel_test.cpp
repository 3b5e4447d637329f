// A cancel of the task that a group is in: rules TG6, TG7, TG9, and their traps.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

// --- a cancel of the parent --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_cancel_while_the_body_runs_reaches_the_body_and_then_the_tasks) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto block = [&] {
      return with_task_group([&](task_group& g) -> awaitable<void> {
        g.create_task(note_cancel(&log, "a"));
        g.create_task(ends_late(&log));
        co_await note_cancel(&log, "body");
      });
    };
    auto user = create_task(block);
    co_await testing::passes(3);
    user.cancel("why");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(user.cancelling() == 1);
    BOOST_TEST(now_is(1s));
  });
  CHECK_TRACE(log, "body cancelled why", "a cancelled", "late");
}

BOOST_AUTO_TEST_CASE(a_cancel_while_the_group_winds_down_reaches_the_tasks_and_closes_the_group) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    std::string refused;
    const auto block = [&] {
      return with_task_group([&](task_group& g) {
        g.create_task([&]() -> awaitable<void> {
          co_await sleep(1s);
          g.create_task(note_cancel(&log, "added while it winds down"));
          co_await refuses(0);
          refused = thrown<std::runtime_error>([&] { g.create_task(for_ever()); });
        });
      });
    };
    auto user = create_task(block);
    co_await sleep(2s);
    user.cancel("why");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "why");
    BOOST_TEST(user.cancelling() == 1);
    BOOST_TEST(contains(refused, "is shutting down"));
  });
  CHECK_TRACE(log, "added while it winds down cancelled");
}

BOOST_AUTO_TEST_CASE(TG9_tasks_are_cancelled_at_the_first_of_several_cancels_only) {
  int cancels = 0;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto refuses_once = [&]() -> awaitable<void> {
      for (int i = 0; i < 3; ++i) {
        auto end = co_await end_of(sleep(1s));
        if (end != "none") ++cancels;
      }
    };
    const auto block = [&] { return with_task_group([&](task_group& g) { g.create_task(refuses_once); }); };
    auto user = create_task(block);
    co_await sleep(500ms);
    user.cancel("first");
    co_await sleep(500ms);
    BOOST_TEST(!user.done());
    user.cancel("second");
    user.cancel("third");
    auto s = co_await settle(user);
    BOOST_TEST(message_of(s) == "first");
    BOOST_TEST(user.cancelling() == 3);
    BOOST_TEST(now_is(2s + 500ms)); // it waited all the same
  });
  BOOST_TEST(cancels == 1);
}

BOOST_AUTO_TEST_CASE(TG7_errors_beat_a_cancel_which_comes_with_the_next_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool in_body : {true, false}) {
      trace log;
      const auto uses = [&]() -> awaitable<void> {
        co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                              g.create_task(fails_instead("clean-up"));
                              if (in_body) co_await for_ever();
                            }));
        auto end = co_await end_of(testing::passes(1));
        log.push_back(end);
      };
      auto user = create_task(uses);
      co_await testing::passes(3);
      user.cancel("why");
      co_await user.get();
      CHECK_TRACE(log, "Group[clean-up]", "1", "Cancelled()", "none");
      BOOST_TEST(user.cancelling() == 1);
    }
  });
}

BOOST_AUTO_TEST_CASE(TG7_an_exception_that_the_body_makes_of_a_cancel_is_an_error_with_those_of_the_tasks) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto uses = [&]() -> awaitable<void> {
      co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                            g.create_task(fails_instead("task"));
                            co_await fails_instead("body");
                          }));
    };
    auto user = create_task(uses);
    co_await testing::passes(3);
    user.cancel();
    co_await user.get();
  });
  CHECK_TRACE(log, "Group[task, body]", "1", "Cancelled()");
}

BOOST_AUTO_TEST_CASE(TG6_a_cancel_of_the_groups_own_is_taken_back) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                          g.create_task(raise_after(2, "boom"));
                          co_await for_ever();
                        }));
    co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                          g.create_task(raise_after(2, "boom"));
                          co_await refuses(0); // swallows it
                        }));
  });
  CHECK_TRACE(log, "Group[boom]", "0", "none", "Group[boom]", "0", "none");
}

BOOST_AUTO_TEST_CASE(TG6_a_cancel_from_outside_stays_when_the_groups_own_is_taken_back) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool before : {true, false}) {
      trace log;
      task<void> user;
      const auto uses = [&]() -> awaitable<void> {
        co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                              g.create_task([&]() -> awaitable<void> {
                                co_await testing::passes(2);
                                if (before) user.cancel("outside");
                                throw std::runtime_error("boom");
                              });
                              std::exception_ptr error;
                              try {
                                co_await for_ever();
                              } catch (...) {
                                error = std::current_exception();
                              }
                              if (!before) user.cancel("outside");
                              std::rethrow_exception(error);
                            }));
      };
      user = create_task(uses);
      co_await user.get();
      CHECK_TRACE(log, "Group[boom]", "1", "Cancelled()");
    }
  });
}

BOOST_AUTO_TEST_CASE(trap_30_a_body_that_replaces_the_cancellation_leaves_the_count_balanced) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                          g.create_task(raise_after(2, "task"));
                          co_await fails_instead("body");
                        }));
  });
  CHECK_TRACE(log, "Group[task, body]", "0", "none");
}

BOOST_AUTO_TEST_CASE(trap_31_an_error_in_a_nested_group_does_not_swallow_the_cancel_of_its_parent) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    task<void> user;
    const auto nested = [&]() -> awaitable<void> {
      co_await note_block(log, with_task_group([&](task_group& inner) -> awaitable<void> {
                            inner.create_task([&]() -> awaitable<void> {
                              user.cancel("outside"); // in the pass in which the inner group fails
                              throw std::runtime_error("inner");
                              co_return;
                            });
                            co_await for_ever();
                          }));
      co_await sleep(1s);
      log.push_back("the clean-up may go on");
    };
    const auto uses = [&]() -> awaitable<void> { co_await note_block(log, with_task_group(nested)); };
    user = create_task(uses);
    co_await settle(user);
    BOOST_TEST(user.cancelling() == 1);
  });
  CHECK_TRACE(log, "Group[inner]", "1", "Cancelled()", "the clean-up may go on", "none", "1", "none");
}

BOOST_AUTO_TEST_CASE(trap_41_a_class_derived_from_cancelled_error_is_a_cancellation_in_tasks_and_groups) {
  struct own_cancellation : cancelled_error {};
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto own = []() -> awaitable<void> {
      co_await refuses(0);
      throw own_cancellation();
    };
    task<void> child;
    const auto uses = [&]() -> awaitable<void> {
      co_await note_block(log, with_task_group([&](task_group& g) -> awaitable<void> {
                            child = g.create_task(own());
                            co_await own();
                          }));
    };
    auto user = create_task(uses);
    co_await testing::passes(3);
    user.cancel();
    co_await user.get();
    BOOST_TEST(child.cancelled());
  });
  CHECK_TRACE(log, "Cancelled()", "1", "none");
}
