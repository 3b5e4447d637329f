// The coordinator after a crash: the row "recovering" and the right column of the table of its states, the rule about
// transactions that it does not know (C4), and what a compacted log must keep.
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {
namespace {

log_record epoch_record(std::uint64_t epoch) { return log_entry(record_type::epoch, tx(0, epoch)).encode(); }
log_record end_record(const txid& id) { return log_entry(record_type::end, id).encode(); }

log_record commit_record(const txid& id, std::uint32_t branches = 1) {
  std::vector<yes_branch> yes;
  for (std::uint32_t branch = 0; branch < branches; ++branch)
    yes.emplace_back(branch, name_of(branch), participant_log);
  return log_entry(record_type::commit, id).yes_branches(std::move(yes)).encode();
}

std::string answer(coordinator_core& core, const txid& id) {
  return text(core.step(received(message(message_kind::inquire, {id, 0}).from(participant_log).sender(name_of(0)))));
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_coordinator)

BOOST_AUTO_TEST_SUITE(recovering)

BOOST_AUTO_TEST_CASE(inquiries_are_pending_until_the_log_is_read_and_the_epoch_forced) {
  coordinator_core core(shop);
  BOOST_TEST(answer(core, tx(1)) == "send p0 outcome 1.1.0 pending");
  BOOST_TEST(text(core.step(log_opened(coordinator_log, {epoch_record(1), commit_record(tx(2))}))) ==
             "force epoch 2.0.0");
  BOOST_TEST(answer(core, tx(1)) == "send p0 outcome 1.1.0 pending");
  BOOST_TEST(answer(core, tx(2)) == "send p0 outcome 1.2.0 pending");
  core.step(log_written(write_id(record_type::epoch, {tx(0, 2), 0}), log_outcome::ok));
  BOOST_TEST(answer(core, tx(1)) == "send p0 outcome 1.1.0 abort");
  BOOST_TEST(answer(core, tx(2)) == "send p0 outcome 1.2.0 commit");
}

BOOST_AUTO_TEST_CASE(votes_and_acks_that_come_too_early_do_nothing) {
  coordinator_core core(shop);
  core.step(log_opened(coordinator_log, {epoch_record(1), commit_record(tx(1))}));
  const auto ack = message(message_kind::ack, {tx(1), 0}).ack(ack_kind::committed).from(participant_log);
  BOOST_TEST(text(core.step(received(ack, 5))) == "acknowledge 5");
  const auto vote_yes = message(message_kind::vote, {tx(9), 0}).vote(vote::yes).from(participant_log);
  BOOST_TEST(text(core.step(received(vote_yes))) == "");
  BOOST_TEST(text(core.step(timer_fired(timer_id(timer_kind::commit_retry, {tx(1), 0})))) == "");
  BOOST_TEST(text(core.step(resolve_requested({tx(1), 0}, decision::committed, "root", 1))) == "resolved recovering");
  BOOST_TEST(text(core.step(log_written(write_id(record_type::commit, {tx(1), 0}), log_outcome::ok))) == "");
  BOOST_TEST(text(core.step(log_opened(coordinator_log, {}))) == ""); // once
}

BOOST_AUTO_TEST_CASE(s11_every_start_has_a_new_epoch) {
  std::vector<log_record> log;
  for (std::uint64_t start = 1; start <= 5; ++start) {
    a_coordinator c({}, log);
    BOOST_TEST(c.start == fmt::format("started {}", start));
    BOOST_TEST((c.begin() == tx(1, start)));
    log.push_back(epoch_record(start));
  }
}

BOOST_AUTO_TEST_CASE(the_epoch_is_above_every_number_in_the_log) {
  BOOST_TEST(a_coordinator({}, {commit_record(tx(1, 7)), end_record(tx(1, 7))}).start == "started 8");
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  coordinator_core core(shop);
  BOOST_TEST(text(core.step(log_opened(coordinator_log, {epoch_record(most)}))) == "alarm log_unreadable");
  BOOST_TEST(a_coordinator({}, {epoch_record(most - 1)}).start == fmt::format("started {}", most));
}

BOOST_AUTO_TEST_CASE(committing_is_sent_again_to_the_whole_yes_list) {
  a_coordinator c({}, {epoch_record(1), commit_record(tx(3), 2)});
  BOOST_TEST(c.start == "started 2; send p0 commit 1.3.0; send p1 commit 1.3.1; arm commit_retry 0; arm stuck 0");
  for (const auto& each : c.last)
    if (const auto* sent = std::get_if<send>(&each)) {
      BOOST_TEST((sent->message.prepared_under() == participant_log));
      BOOST_TEST((sent->message.low_water() == position(1, 3)));
    }
  c.ack(tx(3), 0);
  BOOST_TEST(c.ack(tx(3), 1) == "append end; closed 3: committed");
}

BOOST_AUTO_TEST_CASE(with_end_it_is_over_and_without_it_participants_acknowledge_again) {
  BOOST_TEST(a_coordinator({}, {epoch_record(1), commit_record(tx(1)), end_record(tx(1))}).start == "started 2");
  a_coordinator lost({}, {epoch_record(1), commit_record(tx(1))});
  BOOST_TEST(lost.ack(tx(1), 0) == "append end; closed 1: committed");
}

BOOST_AUTO_TEST_CASE(aborts_in_the_log_mean_nothing) {
  a_coordinator c({}, {epoch_record(1), log_entry(record_type::abort, tx(1)).encode()});
  BOOST_TEST(c.start == "started 2");
  BOOST_TEST(c.inquire(tx(1)) == "send p0 outcome 1.1.0 abort");
}

BOOST_AUTO_TEST_CASE(a_commit_of_nobody_ends_at_once) {
  BOOST_TEST(a_coordinator({}, {epoch_record(1), commit_record(tx(1), 0)}).start ==
             "started 2; arm commit_retry 0; arm stuck 0; append end; closed 1: committed");
}

BOOST_AUTO_TEST_CASE(stop_during_recovery_drains_phase_two) {
  coordinator_core core(shop);
  BOOST_TEST(text(core.step(stop_requested())) == "");
  core.step(log_opened(coordinator_log, {commit_record(tx(1))}));
  BOOST_TEST(text(core.step(log_written(write_id(record_type::epoch, {tx(0, 2), 0}), log_outcome::ok))) ==
             "started 2; send p0 commit 1.1.0; arm commit_retry 0; arm stuck 0");
  BOOST_TEST(text(core.step(begin_requested(1))) == "refused 1 stopping");
}

BOOST_AUTO_TEST_CASE(a_log_that_is_not_its_own_starts_nothing) {
  const txid foreign(foreign_log, 1, 1);
  const branch_id own(tx(1), 0);
  for (const auto& bad :
       {commit_record(foreign), end_record(foreign), log_entry(record_type::prepared, own).encode(),
        log_entry(record_type::committed, own).encode(), log_entry(record_type::watermark, tx(1)).encode(),
        log_record(record_type::commit, {}), log_record(static_cast<record_type>(99), {})}) {
    coordinator_core core(shop);
    BOOST_TEST(text(core.step(log_opened(coordinator_log, {commit_record(tx(2)), bad}))) == "alarm log_unreadable");
    BOOST_TEST(text(core.step(begin_requested(1))) == "refused 1 log_unavailable");
    BOOST_TEST(answer(core, tx(1)) == "send p0 outcome 1.1.0 pending");
    BOOST_TEST((core.query(tx(2)) == decision::unknown));
    BOOST_TEST(text(core.step(resolve_requested({tx(2), 0}, decision::committed, "root", 1))) ==
               "resolved log_unavailable");
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(what_it_does_not_know)

BOOST_AUTO_TEST_CASE(c4_s12_only_what_it_can_have_begun_is_presumed_aborted) {
  a_coordinator c({}, {epoch_record(1), epoch_record(2)}); // this is epoch 3
  c.begin();
  const auto told = [&](const txid& id) { return c.inquire(id); };
  BOOST_TEST(told(tx(77, 1)) == "send p0 outcome 1.77.0 abort");
  BOOST_TEST(told(tx(77, 2)) == "send p0 outcome 2.77.0 abort");
  BOOST_TEST(told(tx(1, 3)) == "send p0 outcome 3.1.0 pending");
  BOOST_TEST(told(tx(2, 3)) == "send p0 outcome 3.2.0 not_mine"); // not begun yet
  BOOST_TEST(told(tx(1, 4)) == "send p0 outcome 4.1.0 not_mine"); // its log was put back
  BOOST_TEST(told(txid(foreign_log, 1, 1)) == "send p0 outcome 1.1.0 not_mine");
  BOOST_TEST(told(txid()) == "send p0 outcome 0.0.0 not_mine");
}

BOOST_AUTO_TEST_CASE(a_late_yes_of_somebody_elses_is_not_told_to_roll_back) {
  a_coordinator c;
  BOOST_TEST(c.vote(txid(foreign_log, 1, 1), 0, vote::yes) == "");
  BOOST_TEST(c.vote(tx(5), 0, vote::yes) == "");
  BOOST_TEST(c.vote(tx(5, 9), 0, vote::yes) == "");
}

BOOST_AUTO_TEST_CASE(query_tells_only_what_is_certain) {
  a_coordinator c({}, {epoch_record(1), commit_record(tx(1)), commit_record(tx(2)), end_record(tx(2))});
  BOOST_TEST((c.core.query(tx(1)) == decision::committed));
  BOOST_TEST((c.core.query(tx(2)) == decision::committed)); // it ended, and the log has not forgotten
  BOOST_TEST((c.core.query(tx(3)) == decision::aborted));
  c.ack(tx(1), 0);
  BOOST_TEST((c.core.query(tx(1)) == decision::committed));
  BOOST_TEST((c.core.query(tx(1, 2)) == decision::unknown)); // not begun
  BOOST_TEST((c.core.query(txid(foreign_log, 1, 1)) == decision::unknown));
  const auto aborting = c.aborting(1);
  BOOST_TEST((c.core.query(aborting) == decision::aborted));
  BOOST_TEST((c.core.query(c.preparing(1)) == decision::unknown));
  BOOST_TEST((c.core.query(c.committing(1)) == decision::committed));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(compaction)

BOOST_AUTO_TEST_CASE(l6_nothing_but_the_epoch_is_left_when_nothing_is_open) {
  a_coordinator c;
  c.ack(c.committing(1), 0);
  c.active(1);
  c.preparing(1);
  c.deciding(1); // its record is on the way, and comes after a compaction
  BOOST_TEST(c.core.live_records().size() == 1u);
  BOOST_TEST(a_coordinator({}, c.core.live_records()).start == "started 2");
}

BOOST_AUTO_TEST_CASE(c5_open_commits_survive_any_number_of_starts) {
  a_coordinator before;
  before.committing(2);
  auto log = before.core.live_records();
  for (std::uint64_t start = 2; start < 50; ++start) {
    a_coordinator c({}, log);
    BOOST_TEST(c.start == fmt::format("started {}; send p0 commit 1.1.0; send p1 commit 1.1.1; arm commit_retry 0; "
                                      "arm stuck 0",
                                      start));
    BOOST_TEST((c.core.query(tx(1)) == decision::committed));
    log = c.core.live_records();
  }
}

BOOST_AUTO_TEST_CASE(s8_a_commit_that_compaction_dropped_is_never_called_aborted) {
  a_coordinator before;
  before.ack(before.committing(1), 0);
  auto log = before.core.live_records();
  for (int start = 0; start < 3; ++start) {
    a_coordinator c({}, log);
    BOOST_TEST((c.core.query(tx(1)) == decision::unknown));
    BOOST_TEST((c.core.query(tx(2)) == decision::aborted) == (start == 0)); // begun after the compaction
    log = c.core.live_records();
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
