// transactional_service: what its requirements do not say: many at once, cancelled waits, ends in every phase, errors.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "service_support.hpp"

#include <rondo/loop_thread.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <thread>

using namespace service_test;
using testing::run_virtual;

namespace {

const transaction_event all_events[] = {transaction_event::prepare, transaction_event::commit,
                                        transaction_event::rollback, transaction_event::outcome,
                                        transaction_event::close};

/// A service, and a hand for its messages.
struct scene {
  explicit scene(transactional_service_options options = {})
      : service(accounts_name, hooks.take(), options), coordinator(service.network()) {}

  awaitable<void> start() {
    co_await service.start();
    co_await coordinator.open();
  }

  watched_hooks hooks;
  transactional_service service;
  hand coordinator;
};

/// Hooks in a class of its own, which says when it is gone.
class derived final : public transactional_service {
public:
  derived(transactional_service_options options, bool& gone)
      : transactional_service(accounts_name, options), gone_(gone) {}
  ~derived() override { gone_ = true; }

private:
  awaitable<prepare_answer> prepare(branch_id, std::vector<std::byte>) override {
    co_await sleep(1s);
    BOOST_TEST(!gone_);
    co_return vote::yes;
  }

  bool& gone_;
};

class half final : public transactional_service {
public:
  using transactional_service::transactional_service;
};

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_transactional_service)

BOOST_AUTO_TEST_CASE(every_wait_can_be_cancelled_and_nothing_changes) {
  run_virtual([]() -> awaitable<void> {
    scene s;
    s.hooks.work.prepare_delay = 1s;
    co_await s.start();
    s.coordinator.prepare(s.coordinator.branch());
    auto tx = co_await taken(s.service);
    for (const auto event : all_events) {
      const auto waiting = create_task(tx.wait(event, 1h));
      co_await testing::settle_all();
      waiting.cancel();
      co_await settle(waiting);
      BOOST_TEST(waiting.cancelled());
    }
    const auto next = create_task(s.service.next());
    co_await testing::settle_all();
    next.cancel();
    co_await settle(next);
    BOOST_TEST(next.cancelled());
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    s.coordinator.prepare(s.coordinator.branch(2));
    const auto second = co_await taken(s.service); // the cancelled wait took nothing
    BOOST_TEST((second.id() == s.coordinator.branch(2)));
    co_await s.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(a_read_only_branch_is_over_when_it_has_said_so) {
  run_virtual([]() -> awaitable<void> {
    scene s;
    s.hooks.work.answer = vote::read_only;
    co_await s.start();
    s.coordinator.prepare(s.coordinator.branch());
    auto tx = co_await taken(s.service);
    for (const auto event :
         {transaction_event::prepare, transaction_event::commit, transaction_event::outcome, transaction_event::close})
      BOOST_TEST(text(co_await tx.wait(event)) == "succeeded");
    BOOST_TEST(text(co_await tx.wait_for_rollback()) == "failed");
    co_await s.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(a_single_branch_may_be_committed_in_one_phase) {
  run_virtual([]() -> awaitable<void> {
    scene s;
    s.hooks.work.one_phase = true;
    co_await s.start();
    for (const bool yes : {true, false}) {
      s.hooks.work.answer = yes ? prepare_answer(vote::yes) : prepare_answer::no("full");
      const auto id = s.coordinator.branch(yes ? 1 : 2);
      s.coordinator.post(s.coordinator.tell(message_kind::commit_one_phase, id));
      auto tx = co_await taken(s.service);
      for (const auto event : {transaction_event::prepare, transaction_event::commit, transaction_event::outcome,
                               transaction_event::close})
        BOOST_TEST(text(co_await tx.wait(event)) == (yes ? "succeeded" : "failed"));
      co_await testing::settle_all();
      BOOST_TEST(s.coordinator.heard.back().reason() == (yes ? "" : "full"));
    }
    BOOST_TEST(s.coordinator.count(message_kind::done) == 2u);
    co_await s.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(a_rollback_overtakes_the_prepare_hook) {
  run_virtual([]() -> awaitable<void> {
    scene s;
    s.hooks.work.prepare_delay = 1h;
    co_await s.start();
    s.coordinator.prepare(s.coordinator.branch());
    auto tx = co_await taken(s.service);
    s.coordinator.rollback(s.coordinator.branch());
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "failed");
    BOOST_TEST(text(co_await tx.wait_for_rollback()) == "succeeded");
    BOOST_TEST(text(co_await tx.wait_for_close()) == "failed");
    BOOST_TEST((clock::now() == clock::time_point(0s)));
    co_await s.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(an_administrator_decides_for_a_branch_in_doubt) {
  run_virtual([]() -> awaitable<void> {
    listener heard;
    scene s(heard_by(heard));
    co_await s.start();
    s.coordinator.prepare(s.coordinator.branch());
    auto tx = co_await taken(s.service);
    co_await tx.wait_for_prepare();
    co_await testing::settle_all();
    co_await s.service.participant().resolve_heuristically(tx.id(), decision::committed, "the night shift");
    BOOST_TEST(text(co_await tx.wait_for_commit()) == "succeeded");
    BOOST_TEST(text(co_await tx.wait_for_close(1s)) == "timed_out"); // the coordinator does not know yet
    s.coordinator.commit(tx.id());
    BOOST_TEST(text(co_await tx.wait_for_close(1s)) == "succeeded");
    co_await s.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(a_backlog_that_is_full_drops_the_first_or_refuses_the_new) {
  for (const bool automatic : {true, false})
    run_virtual([automatic]() -> awaitable<void> {
      scene s(transactional_service_options().backlog(2).auto_close(automatic));
      co_await s.start();
      for (std::uint64_t i = 1; i <= 3; ++i)
        s.coordinator.prepare(s.coordinator.branch(i));
      co_await testing::settle_all();
      const auto first = co_await taken(s.service);
      const auto second = co_await taken(s.service);
      BOOST_TEST((first.id() == s.coordinator.branch(automatic ? 2 : 1)));
      BOOST_TEST((second.id() == s.coordinator.branch(automatic ? 3 : 2)));
      BOOST_TEST(s.hooks.work.prepares == (automatic ? 3 : 2));
      co_await sleep(1ms);
      const auto refused = std::count_if(s.coordinator.heard.begin(), s.coordinator.heard.end(), [](const message& m) {
        return m.kind() == message_kind::vote && m.vote() == vote::no && contains(m.reason(), "wait to be taken");
      });
      BOOST_TEST(refused == (automatic ? 0 : 1));
      co_await s.service.stop();
    });
}

BOOST_AUTO_TEST_CASE(stop_ends_waits_gives_what_had_arrived_and_leaves_doubt_in_the_log) {
  run_virtual([]() -> awaitable<void> {
    scene s;
    co_await s.start();
    s.coordinator.prepare(s.coordinator.branch(1));
    auto tx = co_await taken(s.service);
    co_await tx.wait_for_prepare();
    s.coordinator.prepare(s.coordinator.branch(2));
    co_await testing::settle_all();
    const auto waiting = create_task(tx.wait_for_outcome(1h));
    co_await testing::settle_all();
    co_await s.service.stop();
    co_await settle(waiting);
    BOOST_TEST(contains(thrown<std::system_error>([&] { waiting.result(); }), "was stopped or destroyed"));
    BOOST_CHECK_THROW(co_await tx.wait_for_close(), std::system_error);
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded"); // what is known stays known
    const auto left = co_await s.service.next();
    BOOST_TEST((left && left->id() == s.coordinator.branch(2)));
    BOOST_TEST(!(co_await s.service.next()).has_value());
    co_await s.service.stop();
    const auto late = to_headers(s.coordinator.tell(message_kind::prepare, s.coordinator.branch(3)));
    BOOST_TEST((s.service.consume(late.headers(), late.body()).status() == consume_status::not_open));
    BOOST_TEST(s.service.consume({}, {}).rejected());
  });
}

BOOST_AUTO_TEST_CASE(before_start_and_after_a_failed_one_nothing_is_taken) {
  run_virtual([]() -> awaitable<void> {
    inproc_network net;
    memory_log log;
    inproc_transport line(net), other(net);
    hand coordinator(net);
    co_await other.open(accounts_name, coordinator); // takes the name away
    watched_hooks hooks;
    transactional_service service(accounts_name, hooks.take(), log, line);
    const auto early = to_headers(coordinator.tell(message_kind::prepare, coordinator.branch()));
    const auto result = service.consume(early.headers(), early.body());
    BOOST_TEST((result.status() == consume_status::not_open));
    BOOST_TEST(contains(result.reason(), "'accounts' is not started"));
    BOOST_CHECK_THROW(co_await service.start(), std::invalid_argument);
    BOOST_CHECK_THROW(co_await service.start(), std::logic_error);
    BOOST_TEST(!(co_await service.next()).has_value());
    BOOST_TEST((service.consume(early.headers(), early.body()).status() == consume_status::not_open));
    co_await other.close(1s);
  });
}

BOOST_AUTO_TEST_CASE(a_class_without_hooks_refuses) {
  run_virtual([]() -> awaitable<void> {
    half service(accounts_name);
    co_await service.start();
    hand coordinator(service.network());
    co_await coordinator.open();
    coordinator.prepare(coordinator.branch());
    const auto tx = co_await taken(service);
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "failed");
    BOOST_TEST(contains(tx.reason(), "does not override prepare"));
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(a_hook_keeps_a_shared_service_alive) {
  run_virtual([]() -> awaitable<void> {
    bool gone = false;
    auto service = std::make_shared<derived>(transactional_service_options(), gone);
    co_await service->start();
    hand coordinator(service->network());
    co_await coordinator.open();
    coordinator.prepare(coordinator.branch());
    const auto tx = co_await taken(*service);
    service.reset();
    co_await sleep(500ms);
    BOOST_TEST(!gone);
    co_await sleep(1s);
    BOOST_TEST(gone);
    BOOST_CHECK_THROW(co_await tx.wait_for_outcome(), std::system_error);
  });
}

BOOST_AUTO_TEST_CASE(a_service_may_be_destroyed_by_its_own_hook) {
  run_virtual([]() -> awaitable<void> {
    std::unique_ptr<transactional_service> service;
    const auto end_all = [&] { service.reset(); };
    service = std::make_unique<transactional_service>(accounts_name, make_resource(end_all, [] {}, [] {}));
    co_await service->start();
    hand coordinator(service->network());
    co_await coordinator.open();
    const auto what = to_headers(coordinator.tell(message_kind::prepare, coordinator.branch()));
    service->consume(what.headers(), what.body());
    co_await testing::settle_all();
    BOOST_TEST(!service);
    BOOST_TEST(!coordinator.prepare(coordinator.branch()));
  });
}

BOOST_AUTO_TEST_CASE(messages_that_come_after_a_crash_reach_nobody) {
  run_virtual([]() -> awaitable<void> {
    inproc_network net;
    hand coordinator(net);
    co_await coordinator.open();
    memory_log log;
    inproc_transport line(net);
    watched_hooks hooks;
    auto service = std::make_unique<transactional_service>(accounts_name, hooks.take(), log, line);
    co_await service->start();
    coordinator.prepare(coordinator.branch());
    service.reset();
    coordinator.prepare(coordinator.branch(2));
    co_await sleep(1h);
    BOOST_TEST(coordinator.heard.empty());
  });
}

BOOST_AUTO_TEST_CASE(a_function_of_a_consumer_that_throws_is_reported) {
  run_virtual([]() -> awaitable<void> {
    std::vector<std::string> reports;
    get_running_loop().set_exception_handler(
        [&](const event_loop&, const exception_context& what) { reports.push_back(what.message); });
    scene s;
    co_await s.start();
    const auto what = to_headers(s.coordinator.tell(message_kind::prepare, s.coordinator.branch()));
    s.service.consume(what.headers(), what.body(), [] { throw std::runtime_error("the broker is gone"); });
    const auto tx = co_await taken(s.service);
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    co_await testing::settle_all();
    BOOST_TEST((reports == std::vector<std::string>{"a consumer's function `durable` threw"}));
    co_await s.service.stop();
  });
}

BOOST_AUTO_TEST_CASE(completion_tokens_and_scopes) {
  run_virtual([]() -> awaitable<void> {
    transactional_service service(accounts_name, make_resource([] {}, [] {}, [] {}));
    co_await with(service, [&]() -> awaitable<void> {
      hand coordinator(service.network());
      coordinator.prepare(coordinator.branch());
      auto tx = co_await service.async_next(1s, boost::asio::use_awaitable);
      BOOST_TEST_REQUIRE(tx.has_value());
      BOOST_TEST(text(co_await tx->async_wait(transaction_event::prepare, 1s, boost::asio::use_awaitable)) ==
                 "succeeded");
      BOOST_TEST(text(co_await tx->async_wait(transaction_event::commit, 1s, boost::asio::use_awaitable)) ==
                 "timed_out");
      co_await service.async_stop(1s, boost::asio::use_awaitable);
    });
  });
}

BOOST_AUTO_TEST_CASE(a_service_ends_on_another_thread_while_messages_arrive) {
  for (int round = 0; round < 20; ++round) {
    const loop_thread home;
    auto service =
        std::make_unique<transactional_service>(accounts_name, make_resource([] { return sleep(1ms); }, [] {}, [] {}));
    home.submit(service->start()).result(30s);
    const hand coordinator(service->network());
    for (std::uint64_t i = 1; i <= 50; ++i)
      service->consume(to_headers(coordinator.tell(message_kind::prepare, coordinator.branch(i))).headers(), {});
    const auto tx = service->blocking_next(30s);
    bool ended = false;
    std::thread blocked([&] {
      try { // if its hook was cancelled there will be no commit
        ended = tx->blocking_wait(transaction_event::outcome, 30s) == wait_status::failed;
      } catch (const std::system_error& e) {
        ended = e.code() == errc::stopping;
      }
    });
    if (round % 2 == 0) home.submit(service->stop()).result(30s);
    service.reset();
    blocked.join();
    BOOST_TEST(ended);
  }
}

BOOST_AUTO_TEST_CASE(a_service_ends_while_its_hooks_are_on_their_way_to_another_loop) {
  for (int round = 0; round < 20; ++round) {
    const loop_thread work, home;
    auto service = std::make_unique<transactional_service>(
        accounts_name, make_resource([] { return sleep(1ms); }, [] {}, [] {}),
        transactional_service_options().participant(participant_options().hooks_on(work.loop())));
    home.submit(service->start()).result(30s);
    const hand coordinator(service->network());
    for (std::uint64_t i = 1; i <= 20; ++i)
      service->consume(to_headers(coordinator.tell(message_kind::prepare, coordinator.branch(i))).headers(), {});
    if (round % 2 == 0) (void)service->blocking_next(30s);
    service.reset();
  }
}

BOOST_AUTO_TEST_CASE(a_blocked_thread_ends_by_a_stop_request) {
  const loop_thread home;
  transactional_service service(accounts_name, make_resource([] {}, [] {}, [] {}));
  home.submit(service.start()).result(30s);
  const hand coordinator(service.network());
  service.network().post(accounts_name, coordinator.tell(message_kind::prepare, coordinator.branch()));
  const auto tx = service.blocking_next(30s);
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  BOOST_TEST(text(tx->blocking_wait(transaction_event::outcome, std::nullopt, stop.get_token())) == "timed_out");
  BOOST_TEST(!service.blocking_next(std::nullopt, stop.get_token()).has_value());
  BOOST_TEST(text(tx->blocking_wait(transaction_event::outcome, 1ms)) == "timed_out");
  BOOST_TEST(text(tx->blocking_wait(transaction_event::outcome, -1h)) == "timed_out");
  stopper.join();
  home.submit(service.stop()).result(30s);
}

BOOST_AUTO_TEST_SUITE_END()
