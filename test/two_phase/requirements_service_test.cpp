// What the Python programs ask of two-phase commit, R1 to R9: a service, its messages, its hooks, and who waits for
// them.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "service_support.hpp"

#include <rondo/loop_pool.hpp>
#include <rondo/loop_thread.hpp>

#include <atomic>
#include <thread>

using namespace service_test;
using testing::run_virtual;

namespace {

class derived_accounts final : public transactional_service {
public:
  using transactional_service::transactional_service;
  std::string trace;

private:
  awaitable<prepare_answer> prepare(branch_id, std::vector<std::byte> payload) override {
    trace += "prepare " + std::to_string(payload.size());
    co_return vote::yes;
  }
  awaitable<void> commit(branch_id) override {
    trace += ", commit";
    co_return;
  }
  awaitable<void> rollback(branch_id) override {
    trace += ", rollback";
    co_return;
  }
};

std::unique_ptr<resource> agreeable() {
  return make_resource([] {}, [] {}, [] {});
}

/// Hands a message to a service as the client library of a broker does.
consume_result deliver(transactional_service& service, const message& what, std::function<void()> durable = {}) {
  const auto text = to_headers(what);
  return service.consume(text.headers(), text.body(), std::move(durable));
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_requirements_service)

BOOST_AUTO_TEST_CASE(r1_a_service_is_derived_or_made_of_three_functions_with_or_without_a_connection) {
  run_virtual([]() -> awaitable<void> {
    derived_accounts alone(accounts_name);
    co_await alone.start();
    shop first(alone.network());
    co_await first.who.start();
    transaction tx = co_await first.begin("12345");
    BOOST_TEST((co_await tx.commit()).committed());
    BOOST_TEST((co_await tx.wait_for_close() == wait_status::succeeded));
    BOOST_TEST(alone.trace == "prepare 5, commit");
    BOOST_TEST(alone.name().text() == "accounts");
    co_await first.who.stop();
    co_await alone.stop();

    inproc_network net;
    memory_log log;
    inproc_transport line(net);
    watched_hooks hooks;
    transactional_service connected(accounts_name, hooks.take(), log, line);
    BOOST_TEST(contains(thrown<std::logic_error>([&] { connected.network(); }), "has a connection"));
    co_await connected.start();
    shop second(net);
    co_await second.who.start();
    transaction other = co_await second.begin();
    BOOST_TEST((co_await other.commit()).committed());
    co_await second.who.stop();
    BOOST_TEST(hooks.work.commits == 1);
    co_await connected.stop();
  });
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { transactional_service(accounts_name, nullptr); }), "hooks"));
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { transactional_service(named(""), agreeable()); }), "name"));
}

BOOST_AUTO_TEST_CASE(r2_the_header_type_is_that_of_the_python_programs) {
  run_virtual([]() -> awaitable<void> {
    transactional_service service(accounts_name, agreeable());
    co_await service.start();
    hand coordinator(service.network());
    co_await coordinator.open();
    const auto id = coordinator.branch();
    auto headers = to_headers(coordinator.tell(message_kind::prepare, id)).headers();
    BOOST_TEST(headers.at("__type__") == "PREPARE");
    BOOST_TEST(service.consume(headers, {}).taken());
    auto tx = co_await taken(service);
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    co_await testing::settle_all();
    headers = to_headers(coordinator.tell(message_kind::rollback, id)).headers();
    BOOST_TEST(headers.at("__type__") == "ROLLBACK");
    BOOST_TEST(service.consume(headers, {}).taken());
    BOOST_TEST(text(co_await tx.wait_for_rollback()) == "succeeded");
    co_await testing::settle_all();
    BOOST_TEST(coordinator.count(message_kind::ack) == 1u);
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r3_a_message_goes_to_the_hook_that_its_type_names_and_its_body_is_any_bytes) {
  run_virtual([]() -> awaitable<void> {
    watched_hooks hooks;
    transactional_service service(accounts_name, hooks.take());
    co_await service.start();
    hand coordinator(service.network());
    co_await coordinator.open();
    const auto first = coordinator.branch(1), second = coordinator.branch(2);
    const auto body = std::string_view("\0\xff{", 3);
    for (const auto& id : {first, second})
      BOOST_TEST(deliver(service, coordinator.tell(message_kind::prepare, id).payload(bytes(body))).taken());
    auto one = co_await taken(service);
    auto two = co_await taken(service);
    co_await two.wait_for_prepare();
    co_await testing::settle_all();
    BOOST_TEST(deliver(service, coordinator.tell(message_kind::commit, first)).taken());
    BOOST_TEST(deliver(service, coordinator.tell(message_kind::rollback, second)).taken());
    BOOST_TEST(text(co_await one.wait_for_commit()) == "succeeded");
    BOOST_TEST(text(co_await two.wait_for_rollback()) == "succeeded");
    BOOST_TEST((hooks.work.payloads == std::vector{bytes(body), bytes(body)}));
    BOOST_TEST((hooks.work.done == std::map{std::pair(first, decision::committed), {second, decision::aborted}}));
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r4_a_message_of_no_known_type_is_rejected_logged_and_counted_and_the_consumer_lives) {
  run_virtual([]() -> awaitable<void> {
    listener heard;
    transactional_service service(accounts_name, agreeable(), heard_by(heard));
    co_await service.start();
    hand coordinator(service.network());
    co_await coordinator.open();
    const auto missing = service.consume({}, {});
    BOOST_TEST(missing.rejected());
    BOOST_TEST(missing.reason() == "a message without the header __type__");
    const auto unknown = service.consume({{"__type__", "ABORT"}}, bytes("x"));
    BOOST_TEST(unknown.rejected());
    BOOST_TEST(unknown.reason() == "a message with \"ABORT\" in the header __type__");
    const auto misled = deliver(service, coordinator.tell(message_kind::inquire, coordinator.branch()));
    BOOST_TEST(misled.rejected());
    BOOST_TEST(misled.reason() == "a message of type INQUIRE, which is for a coordinator");
    co_await testing::settle_all();
    BOOST_TEST(heard.count(notice_kind::message_rejected) == 3u);
    BOOST_TEST(contains(heard.notices.back().text(), "of type INQUIRE"));
    BOOST_TEST(service.participant().statistics().rejected == 3u);
    BOOST_TEST(deliver(service, coordinator.tell(message_kind::prepare, coordinator.branch())).taken());
    auto tx = co_await taken(service);
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r5_hooks_return_bool_or_nothing_plain_or_awaited_and_false_is_a_failure) {
  run_virtual([]() -> awaitable<void> {
    int commits = 0, undone = 0;
    const auto slow_yes = [](std::vector<std::byte> payload) -> awaitable<bool> {
      co_await sleep(1s);
      if (payload.empty()) throw std::runtime_error("an empty order");
      co_return payload.size() < 5;
    };
    const auto second_time = [&] { return ++commits > 1; };
    const auto undo = [&](const branch_id&) -> awaitable<void> {
      ++undone;
      co_return;
    };
    listener heard;
    transactional_service service(accounts_name, make_resource(slow_yes, second_time, undo), heard_by(heard));
    co_await service.start();
    shop store(service.network());
    co_await store.who.start();
    transaction good = co_await store.begin("1234");
    BOOST_TEST((co_await good.commit()).committed());
    BOOST_TEST((co_await good.wait_for_close() == wait_status::succeeded));
    BOOST_TEST(commits == 2);
    BOOST_TEST(heard.count(notice_kind::hook_failed) == 1u);
    transaction refused = co_await store.begin("12345");
    BOOST_TEST(((co_await refused.commit()).code() == errc::voted_no));
    transaction broken = co_await store.begin();
    const commit_result result = co_await broken.commit();
    BOOST_TEST(result.aborted());
    BOOST_TEST(result.reason() == "an empty order");
    BOOST_TEST(undone == 0); // who refuses has undone it
    co_await store.who.stop();
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r6_success_and_failure_wake_who_waits) {
  run_virtual([]() -> awaitable<void> {
    watched_hooks hooks;
    listener heard;
    transactional_service service(accounts_name, hooks.take(), heard_by(heard));
    co_await service.start();
    hand coordinator(service.network());
    co_await coordinator.open();

    hooks.work.answer = prepare_answer::no("no money");
    coordinator.prepare(coordinator.branch(1));
    auto refused = co_await taken(service);
    const auto no = create_task([&] { return refused.wait_for_prepare(1h); });
    const auto over = create_task([&] { return refused.wait_for_outcome(1h); });
    BOOST_TEST(text(co_await no.get()) == "failed");
    BOOST_TEST(text(co_await over.get()) == "failed");
    BOOST_TEST(refused.reason() == "no money");

    hooks.work.answer = vote::yes;
    hooks.work.failing_commits = hooks.work.failing_rollbacks = 1;
    coordinator.prepare(coordinator.branch(2));
    coordinator.prepare(coordinator.branch(3));
    auto committed = co_await taken(service);
    auto rolled_back = co_await taken(service);
    BOOST_TEST(text(co_await rolled_back.wait_for_prepare(1h)) == "succeeded");
    co_await testing::settle_all();
    coordinator.commit(coordinator.branch(2));
    coordinator.rollback(coordinator.branch(3));
    BOOST_TEST(text(co_await committed.wait_for_commit(1h)) == "failed");
    BOOST_TEST(text(co_await rolled_back.wait_for_rollback(1h)) == "failed");
    BOOST_TEST(support::text_in<std::runtime_error>(committed.error()) == "commit broke");
    BOOST_TEST(text(co_await committed.wait_for_commit(1h)) == "succeeded");
    BOOST_TEST(text(co_await rolled_back.wait_for_rollback(1h)) == "succeeded");
    BOOST_TEST(text(co_await committed.wait_for_rollback(1h)) == "failed"); // there will be none
    BOOST_TEST(text(co_await rolled_back.wait_for_commit(1h)) == "failed");
    BOOST_TEST((clock::now() < clock::time_point(1s)));
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r7_no_time_passes_between_an_event_and_who_waits_for_it) {
  run_virtual([]() -> awaitable<void> {
    clock::time_point done;
    const auto prepare = [&]() -> awaitable<void> {
      co_await sleep(7ms);
      done = clock::now();
    };
    transactional_service service(accounts_name, make_resource(prepare, [] {}, [] {}));
    co_await service.start();
    hand coordinator(service.network());
    co_await coordinator.open();
    coordinator.prepare(coordinator.branch());
    auto tx = co_await taken(service);
    BOOST_TEST(text(co_await tx.wait_for_prepare()) == "succeeded");
    BOOST_TEST((clock::now() == done));
    co_await service.stop();
  });
}

BOOST_AUTO_TEST_CASE(r8_set_from_any_thread_wakes_at_once) {
  const loop_thread home, elsewhere;
  transactional_service service(accounts_name, agreeable());
  home.submit(service.start()).result(30s);
  const hand coordinator(service.network());
  std::atomic<int> refused = 0; // Boost.Test is for one thread
  for (std::uint64_t round = 1; round <= 100; ++round) {
    const auto id = coordinator.branch(round);
    std::thread consumer([&] { refused += !deliver(service, coordinator.tell(message_kind::prepare, id)).taken(); });
    const std::optional<service_transaction> tx = service.blocking_next(30s);
    BOOST_TEST_REQUIRE((tx && tx->id() == id));
    const auto on_loop = elsewhere.submit(tx->wait_for_outcome(30s));
    wait_status in_thread{};
    std::thread blocked([&] { in_thread = tx->blocking_wait(transaction_event::outcome, 30s); });
    BOOST_TEST(text(tx->blocking_wait(transaction_event::prepare, 30s)) == "succeeded");
    consumer.join();
    consumer = std::thread([&] { refused += !deliver(service, coordinator.tell(message_kind::rollback, id)).taken(); });
    BOOST_TEST(text(on_loop.result(30s)) == "failed");
    blocked.join();
    BOOST_TEST(text(in_thread) == "failed");
    consumer.join();
  }
  BOOST_TEST(refused == 0);
  home.submit(service.stop()).result(30s);
}

BOOST_AUTO_TEST_CASE(r9_threads_and_loops_may_use_a_service_at_the_same_time) {
  const loop_thread home;
  loop_pool pool(2);
  transactional_service service(accounts_name, agreeable());
  home.submit(service.start()).result(30s);
  const hand coordinator(service.network());
  constexpr std::uint64_t each = 100;
  std::atomic<std::size_t> seen = 0;
  const auto take_all = [&]() -> awaitable<std::size_t> {
    std::size_t mine = 0;
    while (const std::optional<service_transaction> tx = co_await service.next()) {
      co_await tx->wait_for_prepare();
      ++mine;
      ++seen;
    }
    co_return mine;
  };
  const std::vector takers{pool.submit(take_all), pool.submit(take_all)};
  std::vector<std::thread> consumers;
  for (std::uint64_t c = 0; c < 3; ++c)
    consumers.emplace_back([&, c] {
      for (std::uint64_t i = 1; i <= each; ++i)
        deliver(service, coordinator.tell(message_kind::prepare, coordinator.branch(c * each + i)));
    });
  for (auto& c : consumers)
    c.join();
  while (seen < 3 * each)
    std::this_thread::yield();
  home.submit(service.stop()).result(30s);
  BOOST_TEST(takers[0].result(30s) + takers[1].result(30s) == 3 * each);
  BOOST_TEST(service.participant().statistics().prepared == 3 * each);
}

BOOST_AUTO_TEST_SUITE_END()
