// What the Python programs ask of two-phase commit, R19 to R25: many at once, durability, what a prepared branch may
// do.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "service_support.hpp"

#include <rondo/loop_thread.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

using namespace service_test;
using testing::run_virtual;

namespace {

const auto any_work = [] {};

/// A service that can crash and start again on the same log.
struct site {
  awaitable<void> start(transactional_service_options options = {}) {
    log.emplace(disk);
    line.emplace(net);
    watched_hooks hooks;
    work = &hooks.work;
    service.emplace(accounts_name, hooks.take(), *log, *line, options);
    co_await service->start();
  }

  void crash() {
    service.reset();
    line.reset();
    log.reset();
  }

  inproc_network net;
  memory_log_storage disk;
  std::optional<memory_log> log;
  std::optional<inproc_transport> line;
  recorder* work = nullptr;
  std::optional<transactional_service> service;
};

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_requirements_protocol)

BOOST_AUTO_TEST_CASE(r19_transactions_of_one_service_at_the_same_time_are_not_mixed_up) {
  run_virtual([]() -> awaitable<void> {
    site s;
    co_await s.start();
    hand first(s.net);
    co_await first.open();
    constexpr std::uint64_t count = 50;
    for (std::uint64_t i = 1; i <= count; ++i)
      first.prepare(first.branch(i), std::to_string(i));
    std::vector<service_transaction> all;
    while (all.size() < count)
      all.push_back(co_await taken(*s.service));
    for (const auto& tx : all)
      BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    co_await testing::settle_all();
    for (std::uint64_t i = count; i > 0; --i)
      i % 2 == 0 ? first.commit(first.branch(i)) : first.rollback(first.branch(i));
    for (const auto& tx : all) {
      const bool even = tx.id().transaction().seq() % 2 == 0;
      BOOST_TEST(text(co_await tx.wait_for_outcome()) == (even ? "succeeded" : "failed"));
      BOOST_TEST(text(co_await tx.wait_for_close()) == (even ? "succeeded" : "failed"));
      BOOST_TEST((s.work->done.at(tx.id()) == (even ? decision::committed : decision::aborted)));
    }
    for (const auto& answer : first.heard)
      BOOST_TEST((answer.transaction().coordinator() == first.branch().transaction().coordinator()));
    co_await s.service->stop();
  });
}

BOOST_AUTO_TEST_CASE(r20_many_participants_prepare_at_the_same_time) {
  run_virtual([]() -> awaitable<void> {
    inproc_network net;
    memory_log logs[5];
    std::vector<std::unique_ptr<inproc_transport>> lines;
    std::vector<std::unique_ptr<transactional_service>> services;
    const auto slow = [] { return sleep(1s); };
    for (std::size_t i = 0; i < 5; ++i) {
      lines.push_back(std::make_unique<inproc_transport>(net));
      const participant_name name("p" + std::to_string(i));
      services.push_back(std::make_unique<transactional_service>(name, make_resource(slow, any_work, any_work), logs[i],
                                                                 *lines.back()));
      co_await services.back()->start();
    }
    shop store(net);
    co_await store.who.start();
    transaction tx = co_await store.who.begin();
    for (const auto& each : services)
      tx.enlist(each->name());
    const auto begin = clock::now();
    BOOST_TEST((co_await tx.commit()).committed());
    BOOST_TEST((clock::now() - begin == 1s));
    BOOST_TEST(text(co_await tx.wait_for_close()) == "succeeded");
    co_await store.who.stop();
    for (const auto& each : services)
      co_await each->stop();
  });
}

BOOST_AUTO_TEST_CASE(r21_hooks_run_on_a_chosen_loop_and_never_hold_up_the_consumer) {
  const loop_thread home, work;
  std::promise<void> entered;
  std::promise<void> open;
  std::atomic<int> wrong_thread = 0;
  const auto work_id = work.submit([]() -> awaitable<std::thread::id> { co_return std::this_thread::get_id(); });
  const auto prepare = [&] { // blocks its loop, which no hook should, but it is another one
    wrong_thread += std::this_thread::get_id() != work_id.result();
    entered.set_value();
    open.get_future().wait();
  };
  transactional_service service(
      accounts_name, make_resource(prepare, any_work, any_work),
      transactional_service_options().participant(participant_options().hooks_on(work.loop())));
  home.submit(service.start()).result(30s);
  const hand coordinator(service.network());
  const auto consume = [&](message_kind kind) {
    const auto what = to_headers(coordinator.tell(kind, coordinator.branch()));
    return service.consume(what.headers(), what.body()).taken();
  };
  BOOST_TEST(consume(message_kind::prepare));
  entered.get_future().wait();
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(consume(message_kind::prepare));
  const auto list = home.submit(service.participant().list()).result(30s); // the service's loop is free
  BOOST_TEST(list.size() == 1u);
  open.set_value();
  const auto tx = service.blocking_next(30s);
  BOOST_TEST(text(tx->blocking_wait(transaction_event::prepare, 30s)) == "succeeded");
  BOOST_TEST(wrong_thread == 0);
  home.submit(service.stop()).result(30s);
}

BOOST_AUTO_TEST_CASE(r22_a_delivery_is_acknowledged_when_its_effect_is_durable_and_the_log_brings_it_back) {
  run_virtual([]() -> awaitable<void> {
    std::vector<std::string> order;
    const auto note = [&](std::string_view point) {
      if (point.ends_with("_force")) order.emplace_back(point);
    };
    site s;
    co_await s.start(transactional_service_options().participant(participant_options().seed(1).fail_points(note)));
    hand coordinator(s.net);
    co_await coordinator.open();
    const auto id = coordinator.branch();
    const auto consume = [&](message_kind kind) {
      const auto what = to_headers(coordinator.tell(kind, id));
      return s.service->consume(what.headers(), what.body(), [&order, kind] { order.emplace_back(type_header(kind)); });
    };
    BOOST_TEST(consume(message_kind::prepare).taken());
    auto tx = co_await taken(*s.service);
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    co_await testing::settle_all();
    s.crash();
    BOOST_CHECK_THROW(co_await tx.wait_for_outcome(), std::system_error);

    co_await s.start(transactional_service_options().participant(participant_options().seed(1).fail_points(note)));
    auto again = co_await taken(*s.service);
    BOOST_TEST((again.id() == id));
    BOOST_TEST(again.recovered());
    BOOST_TEST(again.in_doubt());
    BOOST_TEST(text(co_await again.wait_for_prepare()) == "succeeded");
    BOOST_TEST(s.work->tokens.size() == 1u);
    BOOST_TEST(consume(message_kind::commit).taken());
    BOOST_TEST(text(co_await again.wait_for_close()) == "succeeded");
    co_await testing::settle_all();
    BOOST_TEST((order == std::vector<std::string>{"before_prepared_force", "after_prepared_force", "PREPARE",
                                                  "before_committed_force", "after_committed_force", "COMMIT"}));
    co_await s.service->stop();
  });
}

BOOST_AUTO_TEST_CASE(r23_a_commit_that_fails_is_tried_again_and_never_becomes_a_rollback) {
  run_virtual([]() -> awaitable<void> {
    listener heard;
    site s;
    co_await s.start(heard_by(heard));
    s.work->failing_commits = 10;
    shop store(s.net);
    co_await store.who.start();
    transaction tx = co_await store.begin();
    const commit_result result = co_await tx.commit();
    BOOST_TEST(result.committed());
    const auto mine = co_await taken(*s.service);
    int failures = 0;
    while (co_await mine.wait_for_commit(1h) == wait_status::failed)
      ++failures;
    BOOST_TEST(failures == 10);
    BOOST_TEST(text(co_await mine.wait_for_close(1h)) == "succeeded");
    BOOST_TEST(text(co_await tx.wait_for_close(1h)) == "succeeded");
    BOOST_TEST(s.work->commits == 11);
    BOOST_TEST(s.work->rollbacks == 0);
    BOOST_TEST(heard.count(notice_kind::hook_failed) == 10u);
    co_await store.who.stop();
    co_await s.service->stop();
  });
}

BOOST_AUTO_TEST_CASE(r24_time_never_decides_for_a_prepared_branch) {
  run_virtual([]() -> awaitable<void> {
    listener heard;
    site s;
    co_await s.start(heard_by(heard));
    hand coordinator(s.net);
    co_await coordinator.open();
    coordinator.prepare(coordinator.branch());
    auto tx = co_await taken(*s.service);
    BOOST_TEST(text(co_await tx.wait_for_close(24h)) == "timed_out");
    BOOST_TEST(text(co_await tx.wait_for_commit(24h)) == "timed_out");
    BOOST_TEST(text(co_await tx.wait_for_rollback(24h)) == "timed_out");
    BOOST_TEST(text(co_await tx.wait_for_outcome(24h)) == "timed_out");
    BOOST_TEST(tx.in_doubt());
    BOOST_TEST(s.work->commits + s.work->rollbacks == 0);
    BOOST_TEST(coordinator.count(message_kind::inquire) > 1000u);
    BOOST_TEST(heard.has_alarm(alarm_kind::stuck));
    const auto in_doubt = co_await s.service->participant().in_doubt();
    BOOST_TEST(in_doubt.size() == 1u);
    coordinator.commit(coordinator.branch());
    BOOST_TEST(text(co_await tx.wait_for_close()) == "succeeded");
    BOOST_TEST(!tx.in_doubt());
    co_await s.service->stop();
  });
}

BOOST_AUTO_TEST_CASE(r25_everything_happens_on_one_loop_and_may_be_asked_for_on_any_thread) {
  const loop_thread home, elsewhere;
  std::atomic<int> wrong_thread = 0;
  const auto home_id =
      home.submit([]() -> awaitable<std::thread::id> { co_return std::this_thread::get_id(); }).result(30s);
  const auto hook = [&] { wrong_thread += std::this_thread::get_id() != home_id; };
  transactional_service service(accounts_name, make_resource(hook, hook, hook));
  home.submit(service.start()).result(30s);
  shop store(service.network());
  home.submit(store.who.start()).result(30s);
  std::atomic<int> committed = 0, aborted = 0;
  const auto buy = [&](bool commit) -> awaitable<void> {
    transaction tx = co_await store.who.begin();
    tx.enlist(accounts_name);
    if (commit)
      committed += (co_await tx.commit()).committed();
    else
      aborted += (co_await tx.rollback()).aborted();
    co_await tx.wait_for_close();
  };
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user)
    users.emplace_back([&, user] {
      for (int i = 0; i < 25; ++i)
        if (user % 2 == 0)
          elsewhere.submit(buy(i % 3 != 0)).result(60s);
        else
          rondo::run(buy(i % 3 != 0));
    });
  for (auto& each : users)
    each.join();
  const auto begun = store.who.statistics().begun;
  elsewhere.submit(store.who.stop()).result(30s);
  elsewhere.submit(service.stop()).result(30s);
  BOOST_TEST(begun == 100u);
  BOOST_TEST(committed == 64); // of 25 in each thread 16
  BOOST_TEST(aborted == 36);
  BOOST_TEST(wrong_thread == 0);
}

BOOST_AUTO_TEST_SUITE_END()
