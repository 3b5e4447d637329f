// Coordinators and participants over the in-process transport, on virtual time.
// SPDX-License-Identifier: BSL-1.0
#include "shell_support.hpp"

using namespace shell_test;

namespace {

/// A participant with a log and a resource, which can crash and start again.
struct site {
  explicit site(const char* text) : name(text) {}

  awaitable<void> start(const inproc_network& net) {
    log.emplace(disk);
    line.emplace(net);
    who.emplace(name, work, *log, *line, options);
    co_await who->start();
  }

  void crash() {
    who.reset();
    line.reset();
    log.reset();
  }

  participant_name name;
  memory_log_storage disk;
  listener heard;
  participant_options options = participant_options().watched_by(heard).seed(2);
  recorder work;
  std::optional<memory_log> log;
  std::optional<inproc_transport> line;
  std::optional<participant> who;
};

/// A coordinator that can do the same.
struct office {
  awaitable<void> start(const inproc_network& net) {
    log.emplace(disk);
    line.emplace(net);
    who.emplace(named("office"), *log, *line, options);
    co_await who->start();
  }

  void crash() {
    who.reset();
    line.reset();
    log.reset();
  }

  memory_log_storage disk;
  listener heard;
  coordinator_options options = coordinator_options().watched_by(heard).seed(1);
  std::optional<memory_log> log;
  std::optional<inproc_transport> line;
  std::optional<coordinator> who;
};

struct town {
  awaitable<void> start() {
    co_await office_.start(net);
    co_await east.start(net);
    co_await west.start(net);
  }

  awaitable<void> stop() {
    if (office_.who) co_await office_.who->stop();
    if (east.who) co_await east.who->stop();
    if (west.who) co_await west.who->stop();
  }

  awaitable<transaction> begin_both() {
    transaction tx = co_await office_.who->begin();
    tx.enlist(east.name, bytes("e"));
    tx.enlist(west.name, bytes("w"));
    co_return tx;
  }

  inproc_network net;
  office office_;
  site east{"east"}, west{"west"};
};

template <class F>
void with_town(F f, std::function<void(town&)> prepare = nullptr) {
  town t;
  if (prepare) prepare(t);
  testing::run_virtual([&]() -> awaitable<void> {
    co_await t.start();
    co_await f(t);
    co_await t.stop();
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(participants_commit) {
  with_town([](town& t) -> awaitable<void> {
    transaction tx = co_await t.begin_both();
    BOOST_TEST((co_await tx.commit()).committed());
    BOOST_TEST((co_await tx.wait_for_close() == wait_status::succeeded));
    BOOST_TEST((t.east.work.done.at(branch_id(tx.id(), 0)) == decision::committed));
    BOOST_TEST((t.west.work.done.at(branch_id(tx.id(), 1)) == decision::committed));
    BOOST_TEST(t.east.who->statistics().committed == 1u);
    BOOST_TEST((t.east.heard.ended.at(branch_id(tx.id(), 0)) == decision::committed));
  });
}

BOOST_AUTO_TEST_CASE(a_participant_that_refuses_aborts_with_its_reason) {
  with_town(
      [](town& t) -> awaitable<void> {
        transaction tx = co_await t.begin_both();
        const commit_result result = co_await tx.commit();
        BOOST_TEST(result.aborted());
        BOOST_TEST(result.reason() == "closed");
        BOOST_TEST((co_await tx.wait_for_close() == wait_status::failed));
        BOOST_TEST(t.east.work.held.empty());
      },
      [](town& t) { t.west.work.answer = prepare_answer::no("closed"); });
}

BOOST_AUTO_TEST_CASE(a_participant_that_is_not_there_aborts_at_the_timeout) {
  with_town([](town& t) -> awaitable<void> {
    t.west.crash();
    transaction tx = co_await t.begin_both();
    BOOST_TEST(((co_await tx.commit()).code() == errc::prepare_timeout));
    co_await sleep(1s);
    BOOST_TEST(t.east.work.held.empty());
    BOOST_TEST((co_await t.east.who->in_doubt()).empty());
  });
}

BOOST_AUTO_TEST_CASE(a_participant_in_doubt_asks_and_commits_after_its_crash) {
  with_town(
      [](town& t) -> awaitable<void> {
        transaction tx = co_await t.begin_both();
        BOOST_TEST((co_await tx.commit()).committed());
        co_await sleep(1s);
        BOOST_TEST((co_await t.east.who->list()).size() == 1u); // its commit hook takes long
        t.east.crash();
        co_await sleep(1min);
        t.east.work.commit_delay = 0s;
        t.east.work.held.clear();
        co_await t.east.start(t.net);
        BOOST_TEST((t.east.work.tokens.at(branch_id(tx.id(), 0)) == bytes("token")));
        BOOST_TEST((co_await tx.wait_for_close(1h) == wait_status::succeeded));
        BOOST_TEST((t.east.work.done.at(branch_id(tx.id(), 0)) == decision::committed));
      },
      [](town& t) {
        t.east.work.answer = prepare_answer(vote::yes).token(bytes("token"));
        t.east.work.commit_delay = 1h;
      });
}

BOOST_AUTO_TEST_CASE(a_participant_in_doubt_waits_for_its_coordinator_for_ever) {
  with_town([](town& t) -> awaitable<void> {
    t.west.work.prepare_delay = 5s;
    transaction tx = co_await t.begin_both();
    auto commit = [&]() -> awaitable<commit_result> { co_return co_await tx.commit(); };
    const auto running = create_task(commit);
    co_await sleep(1s);
    t.office_.crash();
    BOOST_TEST((co_await running.get()).unknown());
    co_await sleep(24h);
    BOOST_TEST((co_await t.east.who->in_doubt()).size() == 1u);
    BOOST_TEST((co_await t.west.who->in_doubt()).size() == 1u);
    co_await t.office_.start(t.net);
    BOOST_TEST((co_await t.office_.who->query(tx.id()) == decision::aborted));
    co_await sleep(1min);
    BOOST_TEST((co_await t.east.who->in_doubt()).empty());
    BOOST_TEST((t.east.work.done.at(branch_id(tx.id(), 0)) == decision::aborted));
    BOOST_TEST((t.west.work.done.at(branch_id(tx.id(), 1)) == decision::aborted));
  });
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_crashed_after_its_decision_commits) {
  with_town([](town& t) -> awaitable<void> {
    t.east.work.failing_commits = 1'000'000;
    transaction tx = co_await t.begin_both();
    BOOST_TEST((co_await tx.commit()).committed());
    co_await sleep(1s);
    t.office_.crash();
    t.east.crash();
    t.east.work.failing_commits = 0;
    co_await t.office_.start(t.net);
    BOOST_TEST((co_await t.office_.who->query(tx.id()) == decision::committed));
    co_await t.east.start(t.net);
    co_await sleep(1min);
    BOOST_TEST((t.east.work.done.at(branch_id(tx.id(), 0)) == decision::committed));
    BOOST_TEST((co_await t.office_.who->list()).empty());
  });
}

BOOST_AUTO_TEST_CASE(a_prepare_hook_that_takes_too_long_is_cancelled) {
  with_town(
      [](town& t) -> awaitable<void> {
        transaction tx = co_await t.begin_both();
        const auto before = clock::now();
        const commit_result result = co_await tx.commit();
        BOOST_TEST((result.code() == errc::voted_no));
        BOOST_TEST((clock::now() - before == 2s));
      },
      [](town& t) {
        t.east.work.prepare_delay = 1h;
        t.east.options.prepare_timeout(2s);
      });
}

BOOST_AUTO_TEST_CASE(a_rollback_cancels_a_hook_that_still_prepares) {
  with_town(
      [](town& t) -> awaitable<void> {
        transaction tx = co_await t.begin_both();
        BOOST_TEST((co_await tx.commit()).aborted());
        BOOST_TEST((co_await tx.wait_for_close(1s) == wait_status::failed));
        BOOST_TEST(t.east.work.held.empty());
        BOOST_TEST(t.east.work.rollbacks == 0);
      },
      [](town& t) {
        t.east.work.prepare_delay = 15s;
        t.west.work.answer = vote::no;
      });
}

BOOST_AUTO_TEST_CASE(an_administrator_decides_at_a_participant) {
  with_town([](town& t) -> awaitable<void> {
    t.west.work.failing_commits = 1'000'000;
    t.east.work.prepare_delay = 2s;
    transaction tx = co_await t.begin_both();
    auto commit = [&]() -> awaitable<commit_result> { co_return co_await tx.commit(); };
    const auto running = create_task(commit);
    co_await sleep(1s);
    const branch_id branch(tx.id(), 1);
    co_await t.west.who->resolve_heuristically(branch, decision::aborted, "night shift");
    BOOST_TEST((t.west.work.done.at(branch) == decision::aborted));
    BOOST_TEST((co_await running.get()).committed());
    BOOST_TEST((co_await tx.wait_for_close() == wait_status::failed));
    BOOST_TEST(t.office_.heard.has_alarm(alarm_kind::heuristic_damage));
    BOOST_TEST(t.west.heard.has_alarm(alarm_kind::heuristic_damage));
    co_await t.west.who->forget(branch);
    try {
      co_await t.west.who->forget(branch);
      BOOST_ERROR("it was forgotten before");
    } catch (const std::system_error& e) {
      BOOST_TEST((e.code() == errc::wrong_state || e.code() == errc::unknown_transaction));
    }
  });
}

BOOST_AUTO_TEST_CASE(messages_for_somebody_else_are_rejected_and_counted) {
  with_town([](town& t) -> awaitable<void> {
    const txid foreign(log_uuid::random(), 1, 1);
    t.net.post(named("office"), message(message_kind::prepare, branch_id(foreign, 0)).sender(named("east")));
    t.net.post(named("east"), message(message_kind::vote, branch_id(foreign, 0)).sender(named("office")));
    t.net.post(named("east"), message(message_kind::commit, branch_id(foreign, 0)).sender(named("office")));
    BOOST_TEST(!t.net.post(named("nobody"), message(message_kind::commit, branch_id(foreign, 0))));
    co_await sleep(1s);
    BOOST_TEST(t.office_.who->statistics().rejected == 1u);
    BOOST_TEST(t.east.who->statistics().rejected == 2u);
    BOOST_TEST(t.east.heard.count(notice_kind::message_rejected) == 2u);
  });
}

BOOST_AUTO_TEST_CASE(a_payload_over_the_limit_is_voted_down) {
  with_town(
      [](town& t) -> awaitable<void> {
        transaction tx = co_await t.office_.who->begin();
        tx.enlist(t.east.name, bytes("too long"));
        tx.enlist(t.west.name, bytes("ok"));
        const commit_result result = co_await tx.commit();
        BOOST_TEST((result.code() == errc::voted_no));
        BOOST_TEST(result.reason().find("max_payload is 4") != std::string::npos);
        BOOST_TEST(t.east.work.prepares == 0);
      },
      [](town& t) { t.east.options.max_payload(4); });
}

BOOST_AUTO_TEST_CASE(names_are_taken_once) {
  with_town([](town& t) -> awaitable<void> {
    recorder work;
    memory_log log;
    inproc_transport line(t.net);
    participant second(named("east"), work, log, line);
    try {
      co_await second.start();
      BOOST_ERROR("the name is taken");
    } catch (const std::invalid_argument& e) {
      BOOST_TEST(std::string(e.what()).find("'east'") != std::string::npos);
    }
  });
}

BOOST_AUTO_TEST_CASE(a_log_of_the_other_kind_is_refused) {
  testing::run_virtual([]() -> awaitable<void> {
    memory_log_storage disk;
    inproc_network net;
    {
      memory_log log(disk);
      coordinator owner(named("office"), log);
      co_await owner.start();
      co_await owner.stop();
    }
    recorder work;
    listener heard;
    memory_log log(disk);
    inproc_transport line(net);
    participant wrong(named("east"), work, log, line, participant_options().watched_by(heard));
    try {
      co_await wrong.start();
      BOOST_ERROR("it took a coordinator's log");
    } catch (const std::system_error& e) {
      BOOST_TEST((e.code() == errc::log_unavailable));
    }
    BOOST_TEST(heard.has_alarm(alarm_kind::log_unreadable));
  });
}

BOOST_AUTO_TEST_CASE(one_phase_over_a_transport) {
  with_town(
      [](town& t) -> awaitable<void> {
        transaction tx = co_await t.office_.who->begin();
        tx.enlist(t.east.name, bytes("e"), branch_options().one_phase_capable(true));
        BOOST_TEST((co_await tx.commit()).committed());
        BOOST_TEST(t.east.work.one_phase_commits == 1);
        transaction second = co_await t.office_.who->begin();
        second.enlist(t.west.name, bytes("w"), branch_options().one_phase_capable(true));
        const commit_result result = co_await second.commit(); // west cannot
        BOOST_TEST(result.aborted());
      },
      [](town& t) { t.east.work.one_phase = true; });
}

BOOST_AUTO_TEST_CASE(stop_of_a_participant_waits_for_its_hooks) {
  with_town(
      [](town& t) -> awaitable<void> {
        transaction tx = co_await t.begin_both();
        BOOST_TEST((co_await tx.commit()).committed());
        co_await sleep(1s);
        const auto before = clock::now();
        co_await t.east.who->stop();
        BOOST_TEST((clock::now() - before == 2s));
        BOOST_TEST((t.east.work.done.at(branch_id(tx.id(), 0)) == decision::committed));
        co_await t.east.who->stop();
        t.east.crash();
        co_await t.east.start(t.net);
        BOOST_TEST((co_await tx.wait_for_close() == wait_status::succeeded));
      },
      [](town& t) { t.east.work.commit_delay = 3s; });
}
