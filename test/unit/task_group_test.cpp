// with_task_group: rules TG1 to TG10, TG12, TG13 and the hop table.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/trace.hpp"

#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::message_of;
using support::text_in;
using support::thrown;
using support::trace;

namespace {

awaitable<int> value_of(int i) { co_return i; }

awaitable<void> raise(std::string text) {
  throw std::runtime_error(text);
  co_return;
}

awaitable<void> raise_after(int passes, std::string text) {
  co_await testing::passes(passes);
  throw std::runtime_error(text);
}

awaitable<void> forever() { co_await sleep(std::nullopt); }

/// Waits until it is cancelled and writes that down.
awaitable<void> note_cancel(trace* log, std::string name) {
  try {
    co_await sleep(std::nullopt);
  } catch (const cancelled_error& e) {
    log->push_back(name + " cancelled" + (e.message().empty() ? "" : " " + e.message()));
    throw;
  }
}

/// Holds something alive, to see when a coroutine is destroyed.
awaitable<void> hold(std::shared_ptr<int>) { co_await sleep(std::nullopt); }

/// "Group[a, Group[b]]"
std::string shape(const std::exception_ptr& error) {
  if (!error) return "none";
  try {
    std::rethrow_exception(error);
  } catch (const exception_group& group) {
    std::string text;
    for (const std::exception_ptr& member : group)
      text += (text.empty() ? "" : ", ") + shape(member);
    return "Group[" + text + "]";
  } catch (const std::exception& e) {
    return e.what();
  } catch (const cancelled_error& e) {
    return "Cancelled(" + e.message() + ")";
  } catch (const keyboard_interrupt&) {
    return "KeyboardInterrupt";
  }
}

/// Counts the passes of the loop: a callback that is the first of each pass.
class ticker {
public:
  explicit ticker(event_loop loop) : loop_(std::move(loop)) { again(); }
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;
  ~ticker() { next_.cancel(); }

  int now() const noexcept { return count_; }

private:
  void again() {
    next_ = loop_.call_soon([this] {
      ++count_;
      again();
    });
  }

  event_loop loop_;
  callback_handle next_;
  int count_ = 0;
};

/// Runs `body(ticker&)` as the main task.
template <class Body>
void with_ticker(Body body) {
  testing::run_virtual([&]() -> awaitable<void> {
    ticker tick(get_running_loop());
    co_await sleep(0s);
    co_await body(tick);
  });
}

} // namespace

// --- values ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_value_of_the_body_is_the_value_of_the_block) {
  testing::run_virtual([]() -> awaitable<void> {
    int sum = co_await with_task_group([](task_group& g) -> awaitable<int> {
      auto a = g.create_task(value_of(1));
      auto b = g.create_task(value_of(2));
      int x = co_await a.get();
      int y = co_await b.get();
      co_return x + y;
    });
    BOOST_TEST(sum == 3);
    auto moved =
        co_await with_task_group([]() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(4); });
    BOOST_TEST(*moved == 4);
  });
}

BOOST_AUTO_TEST_CASE(a_body_may_be_a_plain_function_and_may_leave_out_the_group) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    int five = co_await with_task_group([&](task_group& g) {
      t = g.create_task(value_of(4));
      return 5;
    });
    BOOST_TEST(five == 5);
    BOOST_TEST(t.result() == 4);
    co_await with_task_group([] {});
    auto empty = co_await with_task_group([]() -> std::optional<int> { return std::nullopt; });
    BOOST_TEST(!empty);
  });
}

BOOST_AUTO_TEST_CASE(the_block_waits_for_all_its_tasks) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      const auto work = [&](int n) -> awaitable<void> {
        co_await sleep(std::chrono::seconds(n));
        log.push_back("task " + std::to_string(n));
      };
      g.create_task(work(3));
      g.create_task(work(1), task_options().name("one"));
      BOOST_TEST(g.size() == 2u);
      log.push_back("body");
      co_return;
    });
    log.push_back("after");
    BOOST_TEST(clock::now().time_since_epoch() == 3s);
  });
  CHECK_TRACE(log, "body", "task 1", "task 3", "after");
}

// --- hops --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hops_an_empty_group_takes_none) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    co_await with_task_group([](task_group&) -> awaitable<void> { co_return; });
    BOOST_TEST(tick.now() - start == 0);
  });
}

BOOST_AUTO_TEST_CASE(hops_a_task_that_ends_at_t_ends_the_block_at_t_plus_2) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int done = 0;
    co_await with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        co_await testing::passes(3);
        done = tick.now();
      });
      co_return;
    });
    BOOST_TEST(tick.now() - done == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_a_task_that_fails_at_t_interrupts_the_body_at_t_plus_2) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int failed = 0, body = 0;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        co_await testing::passes(3);
        failed = tick.now();
        throw std::runtime_error("boom");
      });
      try {
        co_await forever();
      } catch (const cancelled_error&) {
        body = tick.now();
        throw;
      }
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(body - failed == 2);
    BOOST_TEST(tick.now() - failed == 2);
  });
}

BOOST_AUTO_TEST_CASE(hops_with_a_sibling_the_block_ends_at_t_plus_4) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    int failed = 0, sibling = 0;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        try {
          co_await forever();
        } catch (const cancelled_error&) {
          sibling = tick.now();
          throw;
        }
      });
      g.create_task([&]() -> awaitable<void> {
        co_await testing::passes(3);
        failed = tick.now();
        throw std::runtime_error("boom");
      });
      co_return;
    }));
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(sibling - failed == 2);
    BOOST_TEST(tick.now() - failed == 4);
  });
}

BOOST_AUTO_TEST_CASE(hops_an_eager_task_that_ends_in_create_task_takes_two_passes) {
  with_ticker([](ticker& tick) -> awaitable<void> {
    const int start = tick.now();
    co_await with_task_group([](task_group& g) {
      const auto t = g.create_task(value_of(1), task_options().eager(true));
      BOOST_TEST(t.done());
      BOOST_TEST(g.size() == 1u);
    });
    BOOST_TEST(tick.now() - start == 2);
  });
}

// --- TG1 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG1_a_group_needs_a_task) {
  std::exception_ptr error;
  bool entered = false;
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().call_soon([&] {
      boost::asio::co_spawn(
          get_running_loop().get_executor(),
          [&]() -> awaitable<void> { co_await with_task_group([&](task_group&) { entered = true; }); },
          [&](std::exception_ptr e) { error = e; });
    });
    co_await sleep(1s);
  });
  BOOST_TEST(!entered);
  const auto text = text_in<std::runtime_error>(error);
  BOOST_TEST(contains(text, "cannot determine the parent task"));
  BOOST_TEST(contains(text, "inside a task"));
}

BOOST_AUTO_TEST_CASE(TG1_a_finished_group_refuses_and_destroys_what_it_is_given) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = token;
    std::string text;
    co_await with_task_group([&](task_group& g) {
      auto t = g.create_task(value_of(1));
      // Called after the group has seen the end of its only task, before the block goes on.
      t.add_done_callback([&] {
        auto c = hold(std::move(token));
        text = thrown<std::runtime_error>([&] { g.create_task(std::move(c)); });
        BOOST_TEST(seen.expired());
      });
    });
    BOOST_TEST(text.starts_with("TaskGroup <TaskGroup entered> is finished"));
  });
}

BOOST_AUTO_TEST_CASE(TG1_a_group_that_shuts_down_refuses_and_destroys_what_it_is_given) {
  testing::run_virtual([]() -> awaitable<void> {
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = token;
    std::string coroutine, callable;
    auto s = co_await settle(with_task_group([&](task_group& g) -> awaitable<void> {
      g.create_task([&]() -> awaitable<void> {
        try {
          co_await forever();
        } catch (const cancelled_error&) {
          auto c = hold(token);
          coroutine = thrown<std::runtime_error>([&] { g.create_task(std::move(c)); });
          const auto f = [t = std::move(token)]() -> awaitable<void> { co_return; };
          auto g2 = f;
          callable = thrown<std::runtime_error>([&] { g.create_task(std::move(g2)); });
          BOOST_TEST(seen.use_count() == 1);
        }
      });
      g.create_task(raise("boom"));
      co_return;
    }));
    BOOST_TEST(seen.expired());
    BOOST_TEST(shape(s.error()) == "Group[boom]");
    BOOST_TEST(coroutine.starts_with("TaskGroup <TaskGroup tasks=1 errors=1 cancelling> is shutting down"));
    BOOST_TEST(contains(coroutine, "rondo::create_task"));
    BOOST_TEST(callable == coroutine);
  });
}

// --- TG2 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(TG2_a_task_may_create_others_while_the_block_waits_for_it) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await with_task_group([&](task_group& g) {
      g.create_task([&]() -> awaitable<void> {
        co_await sleep(1s);
        log.push_back("first");
        g.create_task([&]() -> awaitable<void> {
          co_await sleep(1s);
          log.push_back("second");
        });
      });
    });
    log.push_back("after");
  });
  CHECK_TRACE(log, "first", "second", "after");
}

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
        co_await forever();
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
          co_await forever();
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
          co_await forever();
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
      auto cancelled = g.create_task(forever());
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
      auto t = g.create_task(forever());
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
          co_await forever();
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

BOOST_AUTO_TEST_CASE(TG8_a_keyboard_interrupt_of_the_body_is_thrown_bare_after_the_tasks_have_ended) {
  support::log_capture log;
  trace order;
  const auto run = [&] {
    testing::run_virtual([&]() -> awaitable<void> {
      co_await with_task_group([&](task_group& g) -> awaitable<void> {
        g.create_task([&]() -> awaitable<void> {
          try {
            co_await forever();
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
          co_await forever();
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

BOOST_AUTO_TEST_CASE(TG10_an_eager_task_that_fails_does_not_cancel_its_creator_inside_create_task) {
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

BOOST_AUTO_TEST_CASE(TG10_a_group_of_eager_tasks_that_all_fail_ends) {
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
          co_await forever();
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
        co_await forever();
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

// --- many tasks, and the end of the loop -------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_group_with_many_tasks_ends_and_so_does_one_in_which_all_fail) {
  testing::run_virtual([]() -> awaitable<void> {
    constexpr int n = 20000;
    int sum = 0;
    co_await with_task_group([&](task_group& g) {
      for (int i = 0; i < n; ++i)
        g.create_task([&]() -> awaitable<void> {
          co_await sleep(0s);
          ++sum;
        });
    });
    BOOST_TEST(sum == n);
    auto s = co_await settle(with_task_group([&](task_group& g) {
      for (int i = 0; i < 1000; ++i)
        g.create_task(raise("x"));
    }));
    const auto* group = s.error_as<exception_group>();
    BOOST_REQUIRE(group);
    BOOST_TEST(group->size() == 1000u);
  });
}

BOOST_AUTO_TEST_CASE(groups_nest_deeply) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto nest = [](auto& self, int depth) -> awaitable<int> {
      if (depth == 0) co_return 0;
      int below = co_await with_task_group([&](task_group& g) -> awaitable<int> {
        auto t = g.create_task([&]() -> awaitable<int> { co_return co_await self(self, depth - 1); });
        co_return co_await t.get();
      });
      co_return below + 1;
    };
    int depth = co_await nest(nest, 200);
    BOOST_TEST(depth == 200);
  });
}

BOOST_AUTO_TEST_CASE(the_end_of_the_loop_destroys_a_group_whose_tasks_refuse_to_end) {
  support::log_capture log;
  const auto token = std::make_shared<int>(1);
  bool after = false;
  testing::run_virtual(
      [&]() -> awaitable<void> {
        create_task([&, token]() -> awaitable<void> {
          co_await with_task_group([&, &t = token](task_group& g) -> awaitable<void> {
            g.create_task([t]() -> awaitable<void> {
              for (;;) {
                try {
                  co_await sleep(std::nullopt);
                } catch (const cancelled_error&) {
                }
              }
            });
            g.create_task(hold(t));
            co_await g.join();
          });
          after = true;
        });
        co_await testing::passes(3);
      },
      run_options().shutdown_timeout(1s));
  BOOST_TEST(!after);
  BOOST_TEST(token.use_count() == 1);
  BOOST_TEST(contains(log.text(), "did not end within the shutdown timeout"));
}
