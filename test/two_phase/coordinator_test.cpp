// Coordinators with resources of their own, on virtual time.
// SPDX-License-Identifier: BSL-1.0
#include "shell_support.hpp"

using namespace shell_test;

namespace {

/// A coordinator with two resources.
struct shop {
  memory_log_storage disk;
  memory_log log{disk};
  listener heard;
  recorder orders, payments;
  coordinator_options options = coordinator_options().watched_by(heard).seed(1);
  std::optional<coordinator> owner;

  awaitable<void> start() {
    owner.emplace(named("shop"), log, options);
    owner->add_resource(named("orders"), orders);
    owner->add_resource(named("payments"), payments);
    co_await owner->start();
  }

  transaction with_both(transaction tx) {
    tx.enlist(named("orders"), bytes("o"));
    tx.enlist(named("payments"), bytes("p"));
    return tx;
  }

  awaitable<transaction> begin_both() {
    transaction tx = co_await owner->begin();
    co_return with_both(std::move(tx));
  }
};

/// Runs `f(shop)` and stops the coordinator.
template <class F>
void with_shop(F f, std::function<void(shop&)> prepare = nullptr) {
  shop s;
  if (prepare) prepare(s);
  testing::run_virtual([&]() -> awaitable<void> {
    co_await s.start();
    co_await f(s);
    co_await s.owner->stop();
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(a_transaction_is_committed_everywhere) {
  with_shop([](shop& s) -> awaitable<void> {
    transaction tx = co_await s.begin_both();
    const commit_result result = co_await tx.commit();
    BOOST_TEST(result.committed());
    BOOST_TEST(!result.code());
    BOOST_TEST((co_await tx.wait_for_close() == wait_status::succeeded));
    BOOST_TEST(s.orders.commits == 1);
    BOOST_TEST(s.payments.commits == 1);
    BOOST_TEST((s.orders.payloads.at(0) == bytes("o")));
    BOOST_TEST((s.payments.payloads.at(0) == bytes("p")));
    BOOST_TEST(tx.result()->committed());
    BOOST_TEST(s.heard.completed.at(tx.id()).committed());
    BOOST_TEST((s.heard.closed.at(tx.id()) == decision::committed));
    BOOST_TEST(s.owner->statistics().in_flight == 0u);
  });
}

BOOST_AUTO_TEST_CASE(a_no_rolls_back_the_others_and_gives_its_reason) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = co_await s.begin_both();
        const commit_result result = co_await tx.commit();
        BOOST_TEST(result.aborted());
        BOOST_TEST((result.code() == errc::voted_no));
        BOOST_TEST(result.reason() == "no credit");
        BOOST_TEST((co_await tx.wait_for_close() == wait_status::failed));
        BOOST_TEST(s.orders.rollbacks == 1);
        BOOST_TEST(s.payments.rollbacks == 0);
        BOOST_TEST(s.orders.commits == 0);
      },
      [](shop& s) { s.payments.answer = prepare_answer::no("no credit"); });
}

BOOST_AUTO_TEST_CASE(an_exception_of_prepare_is_a_no) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = co_await s.begin_both();
        const commit_result result = co_await tx.commit();
        BOOST_TEST(result.aborted());
        BOOST_TEST(result.reason() == "prepare broke");
      },
      [](shop& s) { s.orders.prepare_throws = true; });
}

BOOST_AUTO_TEST_CASE(read_only_branches_write_nothing_and_are_not_committed) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        const auto before = s.log.statistics().records();
        transaction tx = co_await s.begin_both();
        BOOST_TEST((co_await tx.commit()).committed());
        BOOST_TEST(s.orders.commits == 0);
        BOOST_TEST(s.log.statistics().records() == before);
      },
      [](shop& s) { s.orders.answer = s.payments.answer = vote::read_only; });
}

BOOST_AUTO_TEST_CASE(a_commit_hook_that_fails_runs_again_until_it_succeeds) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = co_await s.begin_both();
        BOOST_TEST((co_await tx.commit()).committed());
        BOOST_TEST((co_await tx.wait_for_close(1ms) == wait_status::timed_out));
        BOOST_TEST((co_await tx.wait_for_close(1h) == wait_status::succeeded));
        BOOST_TEST(s.orders.commits == 6);
        BOOST_TEST(s.orders.rollbacks == 0);
        BOOST_TEST(s.owner->statistics().hook_failures == 5u);
        BOOST_TEST(s.heard.count(notice_kind::hook_failed) == 5u);
      },
      [](shop& s) { s.orders.failing_commits = 5; });
}

BOOST_AUTO_TEST_CASE(a_rollback_hook_that_fails_runs_again) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = co_await s.begin_both();
        BOOST_TEST((co_await tx.commit()).aborted());
        co_await sleep(1h);
        BOOST_TEST(s.orders.rollbacks == 11);
        BOOST_TEST(s.orders.held.empty());
      },
      [](shop& s) {
        s.payments.answer = vote::no;
        s.orders.failing_rollbacks = 10;
      });
}

BOOST_AUTO_TEST_CASE(late_votes_abort_at_the_prepare_timeout) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = co_await s.begin_both();
        const auto before = clock::now();
        const commit_result result = co_await tx.commit();
        BOOST_TEST(result.aborted());
        BOOST_TEST((result.code() == errc::prepare_timeout));
        BOOST_TEST((clock::now() - before == 20s));
        BOOST_TEST((co_await tx.wait_for_close() == wait_status::failed));
        // Its hook was cancelled, and holds nothing.
        BOOST_TEST(s.orders.held.empty());
      },
      [](shop& s) { s.orders.prepare_delay = 1h; });
}

BOOST_AUTO_TEST_CASE(the_timeout_of_one_transaction_counts_from_begin) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = s.with_both(co_await s.owner->begin(transaction_options().timeout(5s)));
        co_await sleep(2s);
        const auto before = clock::now();
        BOOST_TEST(((co_await tx.commit()).code() == errc::prepare_timeout));
        BOOST_TEST((clock::now() - before == 3s));
      },
      [](shop& s) { s.orders.prepare_delay = 1h; });
}

BOOST_AUTO_TEST_CASE(a_transaction_that_nobody_commits_ends_with_its_lifetime) {
  with_shop([](shop& s) -> awaitable<void> {
    transaction tx = co_await s.begin_both();
    co_await sleep(61s);
    BOOST_TEST((tx.result()->code() == errc::lifetime_exceeded));
    const commit_result result = co_await tx.commit();
    BOOST_TEST((result.code() == errc::lifetime_exceeded));
    BOOST_TEST(s.orders.prepares == 0);
  });
}

BOOST_AUTO_TEST_CASE(a_handle_that_goes_before_commit_rolls_back) {
  with_shop([](shop& s) -> awaitable<void> {
    {
      transaction tx = co_await s.begin_both();
      BOOST_TEST(s.owner->statistics().in_flight == 1u);
    }
    BOOST_TEST(s.owner->statistics().in_flight == 0u);
    BOOST_TEST(s.owner->statistics().aborted == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_handle_that_goes_after_commit_changes_nothing) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        {
          transaction tx = co_await s.begin_both();
          BOOST_TEST((co_await tx.commit()).committed());
        }
        co_await sleep(1h);
        BOOST_TEST(s.orders.done.size() == 1u);
      },
      [](shop& s) { s.orders.failing_commits = 3; });
}

BOOST_AUTO_TEST_CASE(one_object_is_one_transaction) {
  with_shop([](shop& s) -> awaitable<void> {
    transaction tx = co_await s.begin_both();
    (void)co_await tx.commit();
    BOOST_CHECK_THROW((void)tx.commit(), std::logic_error);
    BOOST_CHECK_THROW(tx.enlist(named("orders")), std::logic_error);
    BOOST_TEST((co_await tx.rollback()).committed());
    transaction moved = std::move(tx);
    BOOST_CHECK_THROW((void)tx.id(), std::logic_error);
    BOOST_TEST(static_cast<bool>(moved));
  });
}

BOOST_AUTO_TEST_CASE(bad_branches_are_refused_before_anything_happens) {
  with_shop([](shop& s) -> awaitable<void> {
    transaction tx = co_await s.owner->begin();
    BOOST_CHECK_THROW(tx.enlist(named("")), std::invalid_argument);
    BOOST_CHECK_THROW(tx.enlist(named("nobody")), std::invalid_argument);
    BOOST_CHECK_THROW(tx.enlist(named("orders"), std::vector<std::byte>(1'000'001)), std::invalid_argument);
    BOOST_CHECK_THROW((void)tx.wait_for_close(), std::logic_error);
    BOOST_TEST((co_await tx.commit()).committed()); // of nothing
  });
}

BOOST_AUTO_TEST_CASE(a_cancelled_commit_is_rolled_back_and_says_so) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        std::optional<commit_result> result;
        bool delivered = false;
        auto work = [&]() -> awaitable<void> {
          transaction tx = co_await s.begin_both();
          result = co_await tx.commit();
          try {
            co_await sleep(1h);
          } catch (const cancelled_error&) {
            delivered = true;
            throw;
          }
        };
        const auto running = create_task(work);
        co_await sleep(1s);
        running.cancel();
        co_await sleep(0s);
        co_await testing::settle_all();
        BOOST_REQUIRE(result);
        BOOST_TEST((result->code() == errc::cancelled));
        BOOST_TEST(delivered);
        BOOST_TEST(running.cancelled());
        BOOST_TEST(s.orders.held.empty());
      },
      [](shop& s) { s.orders.prepare_delay = 10s; });
}

BOOST_AUTO_TEST_CASE(a_timeout_around_a_commit_is_no_result_lost) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        std::optional<commit_result> result;
        bool timed_out = false;
        try {
          co_await with_timeout(1s, [&]() -> awaitable<void> {
            transaction tx = co_await s.begin_both();
            result = co_await tx.commit();
            co_await sleep(0s);
          });
        } catch (const timeout_error&) {
          timed_out = true;
        }
        BOOST_TEST(timed_out);
        BOOST_REQUIRE(result);
        BOOST_TEST(result->aborted());
      },
      [](shop& s) { s.orders.prepare_delay = 10s; });
}

BOOST_AUTO_TEST_CASE(more_transactions_than_allowed_are_refused) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction one = co_await s.owner->begin();
        transaction two = co_await s.owner->begin();
        try {
          (void)co_await s.owner->begin();
          BOOST_ERROR("a third one began");
        } catch (const std::system_error& e) {
          BOOST_TEST((e.code() == errc::overloaded));
        }
        BOOST_TEST((co_await one.rollback("enough")).aborted());
        transaction three = co_await s.owner->begin();
        BOOST_TEST(s.owner->statistics().refused == 1u);
      },
      [](shop& s) { s.options.max_in_flight(2); });
}

BOOST_AUTO_TEST_CASE(one_branch_that_can_is_committed_in_one_phase) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = co_await s.owner->begin();
        tx.enlist(named("orders"));
        BOOST_TEST((co_await tx.commit()).committed());
        BOOST_TEST(s.orders.one_phase_commits == 1);
        BOOST_TEST(s.orders.prepares == 0);
        transaction second = co_await s.owner->begin();
        second.enlist(named("orders"));
        s.orders.answer = prepare_answer::no("not today");
        const commit_result result = co_await second.commit();
        BOOST_TEST(result.aborted());
        BOOST_TEST(result.reason() == "not today");
      },
      [](shop& s) { s.orders.one_phase = true; });
}

BOOST_AUTO_TEST_CASE(stop_rolls_back_what_is_undecided_and_finishes_what_is_decided) {
  shop s;
  s.orders.failing_commits = 3;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await s.start();
    transaction decided = co_await s.begin_both();
    BOOST_TEST((co_await decided.commit()).committed());
    transaction undecided = co_await s.begin_both();
    co_await s.owner->stop();
    BOOST_TEST((undecided.result()->code() == errc::stopping));
    BOOST_TEST(s.orders.done.size() == 1u);
    try {
      (void)co_await s.owner->begin();
      BOOST_ERROR("it began after stop");
    } catch (const std::system_error& e) {
      BOOST_TEST((e.code() == errc::stopping));
    }
    co_await s.owner->stop();
  });
}

BOOST_AUTO_TEST_CASE(what_stop_leaves_is_finished_by_the_next_start) {
  shop s;
  s.orders.failing_commits = 1'000'000;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await s.start();
    transaction tx = co_await s.begin_both();
    BOOST_TEST((co_await tx.commit()).committed());
    const auto before = clock::now();
    co_await s.owner->stop(3s);
    BOOST_TEST((clock::now() - before == 3s));
    BOOST_TEST((co_await tx.wait_for_close() == wait_status::timed_out));
    s.orders.failing_commits = 0;
    memory_log again(s.disk);
    coordinator next(named("shop"), again, s.options);
    next.add_resource(named("orders"), s.orders);
    next.add_resource(named("payments"), s.payments);
    co_await next.start();
    BOOST_TEST((co_await next.query(tx.id()) == decision::committed));
    co_await sleep(1s);
    BOOST_TEST((s.orders.done.at(branch_id(tx.id(), 0)) == decision::committed));
    BOOST_TEST((co_await next.list()).empty());
    co_await next.stop();
  });
}

BOOST_AUTO_TEST_CASE(what_a_crash_leaves_prepared_is_swept) {
  shop s;
  s.payments.prepare_delay = 10s;
  testing::run_virtual([&]() -> awaitable<void> {
    co_await s.start();
    {
      transaction tx = co_await s.begin_both();
      auto commit = [&]() -> awaitable<commit_result> { co_return co_await tx.commit(); };
      const auto running = create_task(commit);
      co_await sleep(1s);
      BOOST_TEST(s.orders.held.size() == 1u);
      s.owner.reset(); // a crash
      s.log.close();
      BOOST_TEST((co_await running.get()).unknown());
    }
    memory_log again(s.disk);
    coordinator next(named("shop"), again, s.options);
    next.add_resource(named("orders"), s.orders);
    next.add_resource(named("payments"), s.payments);
    co_await next.start();
    co_await sleep(1s);
    BOOST_TEST(s.orders.held.empty());
    co_await next.stop();
  });
}

BOOST_AUTO_TEST_CASE(the_log_is_compacted_under_load) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        co_await with_task_group([&](task_group& group) -> awaitable<void> {
          for (int i = 0; i < 16; ++i) {
            auto client = [&]() -> awaitable<void> {
              for (int k = 0; k < 100; ++k) {
                transaction tx = co_await s.begin_both();
                BOOST_TEST((co_await tx.commit()).committed());
              }
            };
            group.create_task(client);
          }
          co_return;
        });
        BOOST_TEST(s.log.statistics().bytes() < 100'000u);
        BOOST_TEST(s.orders.done.size() == 1600u);
      },
      [](shop& s) { s.options.compact_above(10'000); });
}

BOOST_AUTO_TEST_CASE(list_and_administrators) {
  with_shop(
      [](shop& s) -> awaitable<void> {
        transaction tx = co_await s.begin_both();
        BOOST_TEST((co_await tx.commit()).committed());
        co_await sleep(40s);
        const auto open = co_await s.owner->list();
        BOOST_REQUIRE(open.size() == 1u);
        BOOST_TEST((open[0].phase() == coordinator_core::phase::committing));
        BOOST_TEST((open[0].missing() == std::vector<participant_name>{named("orders")}));
        BOOST_TEST((open[0].age() >= 40s));
        BOOST_TEST(s.heard.has_alarm(alarm_kind::stuck));
        BOOST_CHECK_THROW((void)s.owner->resolve_heuristically(branch_id(tx.id(), 0), decision::unknown, "me"),
                          std::invalid_argument);
        try {
          co_await s.owner->resolve_heuristically(branch_id(tx.id(), 7), decision::committed, "me");
          BOOST_ERROR("there is no such branch");
        } catch (const std::system_error& e) {
          BOOST_TEST((e.code() == errc::unknown_transaction));
        }
        co_await s.owner->resolve_heuristically(branch_id(tx.id(), 0), decision::aborted, "me");
        BOOST_TEST((co_await tx.wait_for_close() == wait_status::failed));
        s.orders.failing_commits = 0;
      },
      [](shop& s) { s.orders.failing_commits = 1'000'000; });
}
