// What the Python programs ask of two-phase commit, R10 to R18: loops, time limits, background work, lifetimes.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "service_support.hpp"

#include <rondo/loop_pool.hpp>
#include <rondo/loop_thread.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

using namespace service_test;
using testing::run_virtual;

namespace {

std::unique_ptr<resource> agreeable() {
  return make_resource([] {}, [] {}, [] {});
}

/// A service and a hand for its messages.
struct scene {
  explicit scene(transactional_service_options options = {})
      : service(accounts_name, hooks.take(), options), coordinator(service.network()) {}

  awaitable<void> start() {
    co_await service.start();
    co_await coordinator.open();
  }

  /// A transaction of the service that is prepared, and in doubt.
  awaitable<service_transaction> prepared(std::uint64_t seq = 1) {
    coordinator.prepare(coordinator.branch(seq));
    service_transaction tx = co_await taken(service);
    const wait_status voted = co_await tx.wait_for_prepare();
    BOOST_TEST(text(voted) == "succeeded");
    co_await testing::settle_all();
    co_return tx;
  }

  watched_hooks hooks;
  transactional_service service;
  hand coordinator;
};

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_requirements_transaction)

BOOST_AUTO_TEST_CASE(r10_a_service_runs_on_a_thread_of_its_own_that_starts_and_ends) {
  std::optional<loop_thread> thread(std::in_place);
  const auto here = std::this_thread::get_id();
  std::atomic<bool> elsewhere = false;
  transactional_service service(accounts_name,
                                make_resource([&] { elsewhere = std::this_thread::get_id() != here; }, [] {}, [] {}));
  thread->submit(service.start()).result(30s);
  const hand coordinator(service.network());
  service.network().post(accounts_name, coordinator.tell(message_kind::prepare, coordinator.branch()));
  const auto tx = service.blocking_next(30s);
  BOOST_TEST_REQUIRE(tx.has_value());
  BOOST_TEST(text(tx->blocking_wait(transaction_event::prepare, 30s)) == "succeeded");
  BOOST_TEST(elsewhere);
  thread->submit(service.stop()).result(30s);
  thread.reset();
  BOOST_TEST(!service.blocking_next(0s).has_value());
}

BOOST_AUTO_TEST_CASE(r11_a_commit_on_another_loop_has_a_result_with_a_limit_and_callbacks) {
  const loop_thread home;
  const auto prepare = [] { return sleep(50ms); };
  transactional_service service(accounts_name, make_resource(prepare, [] {}, [] {}));
  home.submit(service.start()).result(30s);
  shop store(service.network());
  home.submit(store.who.start()).result(30s);
  transaction tx = home.submit(store.begin()).result(30s);
  const auto commit = home.submit(tx.commit());
  std::promise<std::thread::id> called;
  commit.add_done_callback([&] { called.set_value(std::this_thread::get_id()); });
  BOOST_TEST(thrown<timeout_error>([&] { commit.result(1ms); }) != "<no exception>");
  BOOST_TEST(commit.result(20s).committed());
  const auto loop_id = [] { return std::this_thread::get_id(); };
  BOOST_TEST((called.get_future().get() ==
              home.submit([&]() -> awaitable<std::thread::id> { co_return loop_id(); }).result(30s)));
  home.submit(store.who.stop()).result(30s);
  home.submit(service.stop()).result(30s);
}

BOOST_AUTO_TEST_CASE(r12_commit_or_rollback_whichever_comes_first_from_two_loops) {
  const loop_thread home;
  loop_pool pool(2);
  transactional_service service(accounts_name, agreeable());
  home.submit(service.start()).result(30s);
  const hand coordinator(service.network());
  const auto id = coordinator.branch();
  service.network().post(accounts_name, coordinator.tell(message_kind::prepare, id));
  const auto tx = service.blocking_next(30s);
  BOOST_TEST_REQUIRE(tx.has_value());
  const auto commit = run_coroutine_threadsafe(tx->wait_for_commit(1h), pool.loops()[0]);
  const auto outcome = run_coroutine_threadsafe(tx->wait_for_outcome(1h), pool.loops()[1]);
  const auto never = pool.submit(sleep(1h));
  service.network().post(accounts_name, coordinator.tell(message_kind::rollback, id));
  rondo::run([&]() -> awaitable<void> {
    const std::vector<any_future> both{wrap_future(outcome), wrap_future(never)};
    const auto options = wait_options().timeout(30s).return_when(return_when::first_completed);
    const wait_result<any_future> result = co_await wait(both, options);
    BOOST_TEST(result.done.size() == 1u);
    for (const auto& loser : result.pending)
      loser.cancel();
  });
  BOOST_TEST(text(outcome.result(30s)) == "failed");
  BOOST_TEST(text(commit.result(30s)) == "failed"); // there will be none: nobody is left to wait
  BOOST_TEST(never.cancelled());
  home.submit(service.stop()).result(30s);
}

BOOST_AUTO_TEST_CASE(r13_every_wait_has_a_limit_with_a_name_and_timed_out_is_not_failed) {
  BOOST_TEST((default_prepare_timeout == 20s));
  BOOST_TEST((default_commit_timeout == 5s));
  BOOST_TEST((default_rollback_timeout == 5s));
  BOOST_TEST((default_close_timeout == 20s));
  run_virtual([]() -> awaitable<void> {
    const auto lasts = [](awaitable<wait_status> wait) -> awaitable<clock::duration> {
      const auto begin = clock::now();
      const wait_status status = co_await std::move(wait);
      BOOST_TEST(text(status) == "timed_out");
      co_return clock::now() - begin;
    };
    scene usual(transactional_service_options().auto_close(false));
    usual.hooks.work.prepare_delay = 19s;
    co_await usual.start();
    usual.coordinator.prepare(usual.coordinator.branch());
    auto tx = co_await taken(usual.service);
    BOOST_TEST((co_await lasts(tx.wait_for_prepare(1s)) == 1s));
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    BOOST_TEST((co_await lasts(tx.wait_for_commit()) == 5s));
    BOOST_TEST((co_await lasts(tx.wait_for_rollback()) == 5s));
    BOOST_TEST((co_await lasts(tx.wait_for_outcome()) == 5s));
    BOOST_TEST((co_await lasts(tx.wait_for_close()) == 20s));
    BOOST_TEST((co_await lasts(tx.wait_for_close(0s)) == 0s));
    co_await usual.service.stop();

    scene other(transactional_service_options()
                    .prepare_timeout(1s)
                    .commit_timeout(2s)
                    .rollback_timeout(3s)
                    .close_timeout(4s)
                    .auto_close(false));
    co_await other.start();
    other.hooks.work.prepare_delay = 10s;
    other.coordinator.prepare(other.coordinator.branch());
    auto slow = co_await taken(other.service);
    BOOST_TEST((co_await lasts(slow.wait_for_prepare()) == 1s));
    BOOST_TEST((co_await lasts(slow.wait_for_commit()) == 2s));
    BOOST_TEST((co_await lasts(slow.wait_for_rollback()) == 3s));
    BOOST_TEST((co_await lasts(slow.wait_for_close()) == 4s));
    co_await other.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r14_prepare_then_the_message_then_commit_and_after_a_timeout_the_work_is_cancelled_and_awaited) {
  run_virtual([]() -> awaitable<void> {
    std::vector<std::string> trace;
    clock::duration takes = 0s;
    const auto prepare = [&]() -> awaitable<void> {
      trace.push_back("prepare");
      co_await finally([&]() { return sleep(takes); },
                       [&]() -> awaitable<void> {
                         co_await sleep(100ms);
                         trace.push_back("the work has ended");
                       });
    };
    transactional_service service(
        accounts_name,
        make_resource(prepare, [&] { trace.push_back("commit"); }, [&] { trace.push_back("rollback"); }));
    co_await service.start();
    shop store(service.network(), coordinator_options().prepare_timeout(1s));
    // The business message is a branch, too: it leaves when, and only when, the transaction is committed.
    auto outbox = make_resource([] {}, [&] { trace.push_back("send"); }, [&] { trace.push_back("drop"); });
    store.who.add_resource(named("outbox"), *outbox);
    co_await store.who.start();
    const auto run_one = [&]() -> awaitable<commit_result> {
      trace.clear();
      transaction tx = co_await store.who.begin();
      tx.enlist(named("outbox"));
      tx.enlist(accounts_name);
      const commit_result result = co_await tx.commit();
      trace.push_back(result.committed() ? "committed" : result.code().message());
      co_await tx.wait_for_close();
      co_await sleep(1s);
      co_return result;
    };
    BOOST_TEST((co_await run_one()).committed());
    std::sort(trace.begin() + 3, trace.end()); // "committed" is told while phase 2 goes on
    BOOST_TEST((trace == std::vector<std::string>{"prepare", "the work has ended", trace[2], "commit", "committed"}));
    BOOST_TEST(trace[2] == "send");
    takes = 1h;
    const commit_result result = co_await run_one();
    BOOST_TEST((result.code() == errc::prepare_timeout));
    BOOST_TEST((std::find(trace.begin(), trace.end(), "drop") != trace.end()));
    BOOST_TEST((std::find(trace.begin(), trace.end(), "the work has ended") != trace.end()));
    BOOST_TEST((std::find(trace.begin(), trace.end(), "send") == trace.end()));
    BOOST_TEST((clock::now() < clock::time_point(10s)));
    co_await store.who.stop();
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r15_with_auto_close_nobody_need_wait_and_without_it_the_user_does) {
  for (const bool automatic : {true, false})
    run_virtual([automatic]() -> awaitable<void> {
      listener heard;
      scene s(heard_by(heard).auto_close(automatic).close_timeout(3s));
      co_await s.start();
      s.hooks.work.failing_commits = 2;
      (void)co_await s.prepared(1); // nobody keeps the handle
      s.coordinator.commit(s.coordinator.branch(1));
      co_await sleep(1s);
      BOOST_TEST(s.hooks.work.done.size() == 1u);
      BOOST_TEST(s.coordinator.count(message_kind::ack) == 1u);
      BOOST_TEST(!heard.has_alarm(alarm_kind::stuck));

      auto doubtful = co_await s.prepared(2);
      BOOST_TEST(text(co_await doubtful.wait_for_close(4s)) == "timed_out");
      BOOST_TEST(heard.has_alarm(alarm_kind::stuck) == automatic);
      if (automatic) {
        BOOST_TEST(contains(heard.notices.back().text(), "is not closed after 3 s: it is in doubt"));
        BOOST_TEST((heard.notices.back().branch() == doubtful.id()));
      }
      s.coordinator.rollback(s.coordinator.branch(2));
      BOOST_TEST(text(co_await doubtful.wait_for_close()) == "failed");
      co_await s.service.stop();
    });
}

BOOST_AUTO_TEST_CASE(r16_what_a_hook_throws_in_the_background_goes_to_the_observer) {
  run_virtual([]() -> awaitable<void> {
    listener heard;
    scene s(heard_by(heard).close_timeout(10ms));
    co_await s.start();
    s.hooks.work.failing_commits = 1;
    (void)co_await s.prepared();
    s.coordinator.commit(s.coordinator.branch());
    co_await sleep(5s);
    BOOST_TEST(heard.count(notice_kind::hook_failed) == 1u);
    for (const auto& each : heard.notices)
      if (each.kind() == notice_kind::hook_failed || each.kind() == notice_kind::alarm)
        BOOST_TEST(support::text_in<std::runtime_error>(each.exception()) == "commit broke");
    BOOST_TEST(heard.has_alarm(alarm_kind::stuck)); // it took longer than the close timeout
    co_await s.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r17_the_handle_and_the_service_may_be_destroyed_in_every_phase) {
  for (const auto moment : {0ms, 500ms, 1000ms, 1500ms, 2000ms, 2500ms, 4000ms})
    for (const bool with_service : {false, true})
      run_virtual([moment, with_service]() -> awaitable<void> {
        inproc_network net;
        hand coordinator(net);
        co_await coordinator.open();
        memory_log log;
        inproc_transport line(net);
        watched_hooks hooks;
        hooks.work.prepare_delay = hooks.work.commit_delay = 1s;
        auto service = std::make_unique<transactional_service>(accounts_name, hooks.take(), log, line);
        co_await service->start();
        coordinator.prepare(coordinator.branch());
        std::optional<service_transaction> tx = co_await service->next();
        const auto outlives = create_task(tx->wait_for_close());
        get_running_loop().call_later(moment, [&] {
          tx.reset();
          if (with_service) service.reset();
        });
        co_await sleep(1500ms);
        coordinator.commit(coordinator.branch());
        co_await settle(outlives);
        if (!with_service) {
          BOOST_TEST(text(outlives.result()) == "succeeded");
          co_await service->stop();
        } else if (moment <= 2500ms) {
          BOOST_TEST((thrown<std::system_error>([&] { outlives.result(); }).find("was stopped or destroyed") !=
                      std::string::npos));
        }
        co_await sleep(1h);
      });
}

BOOST_AUTO_TEST_CASE(r18_one_object_is_one_transaction) {
  run_virtual([]() -> awaitable<void> {
    scene s;
    co_await s.start();
    auto tx = co_await s.prepared();
    s.coordinator.rollback(s.coordinator.branch());
    BOOST_TEST(text(co_await tx.wait_for_close()) == "failed");
    s.coordinator.prepare(s.coordinator.branch()); // a late copy
    co_await sleep(1s);
    BOOST_TEST(s.hooks.work.prepares == 1);
    bool nothing_came = false;
    try {
      (void)co_await s.service.next(1s);
    } catch (const timeout_error&) {
      nothing_came = true;
    }
    BOOST_TEST(nothing_came);
    const service_transaction moved = std::move(tx);
    BOOST_TEST((moved.id() == s.coordinator.branch()));
    BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)tx.wait_for_close(); }), "empty or was moved from"));
    static_assert(!std::is_copy_constructible_v<service_transaction>);
    co_await s.service.stop();

    transactional_service service(accounts_name, agreeable());
    co_await service.start();
    shop store(service.network());
    co_await store.who.start();
    transaction once = co_await store.begin();
    BOOST_TEST((co_await once.commit()).committed());
    BOOST_TEST(contains(thrown<std::logic_error>([&] { once.enlist(accounts_name); }), "after commit()"));
    const auto again = create_task([&] { return once.commit(); });
    co_await settle(again);
    BOOST_TEST(thrown<std::logic_error>([&] { again.result(); }) != "<no exception>");
    co_await store.who.stop();
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_SUITE_END()
