// with_task_group: what tasks and bodies throw, rules TG3 to TG5, TG8, TG10, TG12, TG13.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/ticker.hpp"
#include "../support/trace.hpp"

#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::for_ever;
using support::message_of;
using support::note_cancel;
using support::raise;
using support::raise_after;
using support::shape;
using support::ticker;
using support::trace;
using support::with_ticker;

// --- TG3 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG3_a_failed_task_cancels_the_others_in_the_order_of_their_creation_and_the_body) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const any_task main = current_task();
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task(note_cancel(&log, "a"));
      g.create_task(raise_after(2, "boom"));
      g.create_task(note_cancel(&log, "b"));
      try {
        co_await for_ever();
      } catch (const cancelled_error&) {
        log.push_back("body cancelled");
        BOOST_TEST(main.cancelling() == 1);
        throw;
      }
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(main.cancelling() == 0);
  });
  CHECK_TRACE(log, "a cancelled", "b cancelled", "body cancelled");
}

BOOST_AUTO_TEST_CASE(TG3_the_block_waits_for_the_clean_up_of_the_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([&](task_group& g) {
      g.create_task([]() -> awaitable<void> {
        bool cancelled = false;
        try {
          co_await for_ever();
        } catch (const cancelled_error&) {
          cancelled = true;
        }
        if (cancelled) co_await sleep(5s);
      });
      g.create_task(raise("boom"));
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(clock::now().time_since_epoch() == 5s);
  });
}

BOOST_AUTO_TEST_CASE(TG3_errors_are_in_the_order_in_which_they_happened_and_cancel_only_once) {
  int cancels = 0;
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([&](task_group& g) {
      g.create_task([&]() -> awaitable<void> {
        for (;;) {
          bool cancelled = false;
          try {
            co_await sleep(2s);
            co_return;
          } catch (const cancelled_error&) {
            cancelled = true;
          }
          if (cancelled) ++cancels;
        }
      });
      g.create_task([]() -> awaitable<void> {
        try {
          co_await for_ever();
        } catch (const cancelled_error&) {
        }
        co_await sleep(1s);
        throw std::runtime_error("late");
      });
      g.create_task(raise("early"));
      g.create_task(raise("second"));
    }));
    BOOST_TEST(shape(s.error()) == "Group[early, second, late]");
    const auto* group = s.error_as<exception_group>();
    BOOST_REQUIRE(group);
    BOOST_TEST(group->message() == "unhandled errors in a TaskGroup");
  });
  BOOST_TEST(cancels == 1);
}

BOOST_AUTO_TEST_CASE(TG3_an_error_that_the_group_throws_counts_as_retrieved) {
  support::log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([](task_group& g) { g.create_task(raise("boom")); }));
    BOOST_TEST(!s);
  });
  BOOST_TEST(log.text() == "");
}

// --- TG4 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG4_a_cancelled_task_is_no_error) {
  testing::run_virtual([]() -> awaitable<void> {
    int done = 0;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      auto cancelled = g.create_task(for_ever());
      g.create_task([]() -> awaitable<void> {
        throw cancelled_error("by hand");
        co_return;
      });
      g.create_task([]() -> awaitable<void> {
        throw boost::system::system_error(boost::asio::error::operation_aborted);
        co_return;
      });
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(1s);
        ++done;
      });
      co_await testing::passes(2);
      cancelled.cancel();
    });
    BOOST_TEST(done == 1);
  });
}

BOOST_AUTO_TEST_CASE(TG4_a_body_that_awaits_a_cancelled_task_cancels_the_group) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task(note_cancel(&log, "sibling"));
      auto t = g.create_task(for_ever());
      co_await testing::passes(2);
      t.cancel("t only");
      co_await t.get();
    }));
    BOOST_TEST(message_of(s) == "t only");
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "sibling cancelled");
}

// --- TG5 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG5_an_exception_of_the_body_cancels_the_tasks_and_is_the_last_member) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task(note_cancel(&log, "task"));
      g.create_task([]() -> awaitable<void> {
        try {
          co_await for_ever();
        } catch (const cancelled_error&) {
        }
        throw std::runtime_error("task");
      });
      co_await testing::passes(2);
      throw std::runtime_error("body");
    }));
    BOOST_TEST(shape(s.error()) == "Group[task, body]");
  });
  CHECK_TRACE(log, "task cancelled");
}

BOOST_AUTO_TEST_CASE(TG5_an_exception_of_a_plain_body_is_grouped_without_a_hop) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    auto s = co_await settle(with_task_group([]() -> int { throw std::runtime_error("body"); }));
    BOOST_TEST(shape(s.error()) == "Group[body]");
    BOOST_TEST(tick.now() - start == 0);
  });
}

// --- TG8 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG8_trap_39_a_keyboard_interrupt_of_the_body_is_thrown_bare_after_the_tasks_have_ended) {
  support::log_capture log;
  trace order;
  const auto run = [&] {
    testing::run_virtual([&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) -> awaitable<void> {
        g.create_task([&]() -> awaitable<void> {
          try {
            co_await for_ever();
          } catch (const cancelled_error&) {
          }
          co_await sleep(1s);
          order.push_back("task ended");
          throw std::runtime_error("not to be lost");
        });
        co_await testing::passes(2);
        throw keyboard_interrupt();
      });
    });
  };
  BOOST_CHECK_THROW(run(), keyboard_interrupt);
  CHECK_TRACE(order, "task ended");
  BOOST_TEST(contains(log.text(), "TaskGroup task exception was not propagated"));
  BOOST_TEST(contains(log.text(), "not to be lost"));
}

BOOST_AUTO_TEST_CASE(TG8_a_keyboard_interrupt_of_a_task_leaves_run_and_ends_the_group_bare) {
  trace order;
  const auto run = [&] {
    testing::run_virtual([&]() -> awaitable<void> {
      std::exception_ptr error;
      try {
        co_await with_task_group([&](task_group& g) -> awaitable<void> {
          g.create_task(note_cancel(&order, "sibling"));
          g.create_task([]() -> awaitable<void> {
            throw keyboard_interrupt();
            co_return;
          });
          co_await for_ever();
        });
      } catch (...) {
        error = std::current_exception();
      }
      order.push_back(shape(error));
    });
  };
  BOOST_CHECK_THROW(run(), keyboard_interrupt);
  CHECK_TRACE(order, "sibling cancelled", "KeyboardInterrupt");
}

// --- TG10: eager tasks -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG10_trap_35_an_eager_task_that_fails_does_not_cancel_its_creator_inside_create_task) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const any_task main = current_task();
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      auto t = g.create_task(raise("boom"), task_options().eager(true));
      BOOST_TEST(t.done());
      BOOST_TEST(main.cancelling() == 0);
      g.create_task(note_cancel(&log, "next"), task_options().eager(true));
      log.push_back("body goes on");
      co_await sleep(0s);
      log.push_back("but no pass more");
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(main.cancelling() == 0);
    co_await sleep(0s); // nothing leaks out
  });
  CHECK_TRACE(log, "body goes on", "next cancelled");
}

BOOST_AUTO_TEST_CASE(TG10_trap_35_a_group_of_eager_tasks_that_all_fail_ends) {
  testing::run_virtual([]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([](task_group& g) {
      g.create_task(raise("a"), task_options().eager(true));
      g.create_task(raise("b"), task_options().eager(true));
    }));
    BOOST_TEST(shape(s.error()) == "Group[a, b]");
    BOOST_TEST(current_task().cancelling() == 0);
    co_await sleep(0s);
  });
}

BOOST_AUTO_TEST_CASE(TG10_a_task_created_in_an_eager_first_step_comes_after_its_creator) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([&](task_group& g) {
      const auto outer = [&]() -> awaitable<void> {
        g.create_task(note_cancel(&log, "inner"), task_options().eager(true));
        co_await note_cancel(&log, "outer");
      };
      g.create_task(outer, task_options().eager(true));
      g.create_task(raise("boom"));
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
  });
  CHECK_TRACE(log, "outer cancelled", "inner cancelled");
}

// --- TG12, TG13: nested groups -----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG12_nested_groups_that_both_fail_give_one_error_each_and_the_cancel_count_is_balanced) {
  testing::run_virtual([]() -> awaitable<void> {
    const any_task main = current_task();
    std::string inner;
    int between = -1;
    auto s = co_await settle(with_task_group([&](task_group& outer) -> awaitable<void> {
      outer.create_task(raise_after(2, "outer"));
      std::exception_ptr error;
      try {
        co_await with_task_group([&](task_group& g) -> awaitable<void> {
          g.create_task(raise_after(2, "inner"));
          co_await for_ever();
        });
      } catch (...) {
        error = std::current_exception();
      }
      inner = shape(error);
      between = main.cancelling();
      std::rethrow_exception(error);
    }));
    BOOST_TEST(inner == "Group[inner]");
    BOOST_TEST(between == 1);
    BOOST_TEST(shape(s.error()) == "Group[outer, Group[inner]]");
    BOOST_TEST(main.cancelling() == 0);
    co_await sleep(0s);
  });
}

BOOST_AUTO_TEST_CASE(TG12_the_cancel_of_an_outer_group_reaches_the_next_wait_after_an_inner_group_has_failed) {
  testing::run_virtual([]() -> awaitable<void> {
    bool cancelled = false;
    auto s = co_await settle(with_task_group([&](task_group& outer) -> awaitable<void> {
      outer.create_task(raise_after(2, "outer"));
      auto inner = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
        g.create_task(raise_after(2, "inner"));
        co_await for_ever();
      }));
      BOOST_TEST(shape(inner.error()) == "Group[inner]");
      try {
        co_await sleep(1s);
      } catch (const cancelled_error&) {
        cancelled = true;
        throw;
      }
    }));
    BOOST_TEST(cancelled);
    BOOST_TEST(shape(s.error()) == "Group[outer]");
    BOOST_TEST(clock::now().time_since_epoch() == 0s);
  });
}

BOOST_AUTO_TEST_CASE(TG13_nested_groups_nest) {
  testing::run_virtual([]() -> awaitable<void> {
    auto s = co_await settle(with_task_group([](task_group& outer) {
      outer.create_task([]() -> awaitable<void> {
        co_await with_task_group([](task_group& inner) {
          inner.create_task(raise("a"));
          inner.create_task(raise("b"));
        });
      });
    }));
    BOOST_TEST(shape(s.error()) == "Group[Group[a, b]]");
    int seen = 0;
    BOOST_TEST(!handle_exceptions<std::runtime_error>(s.error(), [&](const std::runtime_error&) { ++seen; }));
    BOOST_TEST(seen == 2);
  });
}
