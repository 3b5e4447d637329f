// One-phase commits and poisoned logs: the two states in which the answer to a user may be "unknown" (S13).
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {
namespace {

txid single(a_coordinator& c) {
  const auto id = c.begin();
  c.enlist(id, 0, true);
  c.commit(id);
  return id;
}

/// The first one of a start waits for the note in the log.
txid sent(a_coordinator& c) {
  const auto id = single(c);
  c.written(record_type::epoch, {tx(0), 0});
  return id;
}

message done(const txid& id, decision ended) { return message(message_kind::done, {id, 0}).decision(ended); }

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_coordinator)

BOOST_AUTO_TEST_SUITE(one_phase)

BOOST_AUTO_TEST_CASE(a_single_branch_that_can_is_committed_without_a_record_of_its_own) {
  a_coordinator c;
  const auto id = c.begin();
  c.enlist(id, 0, true);
  BOOST_TEST(c.commit(id) == "force epoch 1.0.0");
  const auto next = single(c);
  BOOST_TEST(c.written(record_type::epoch, {tx(0), 0}) == "send p0 commit_one_phase 1.1.0; arm one_phase_deadline 0; "
                                                          "send p0 commit_one_phase 1.2.0; arm one_phase_deadline 0");
  c.receive(done(next, decision::committed));
  const auto last = c.begin();
  c.enlist(last, 0, true);
  BOOST_TEST(c.commit(last) == "send p0 commit_one_phase 1.3.0; arm one_phase_deadline 0");
  BOOST_TEST((c.core.query(id) == decision::unknown));
  BOOST_TEST(c.receive(done(id, decision::committed)) == "completed 1: committed; closed 1: committed");
  BOOST_TEST(c.receive(done(id, decision::committed)) == "");
}

BOOST_AUTO_TEST_CASE(it_can_refuse) {
  a_coordinator c;
  BOOST_TEST(c.receive(done(sent(c), decision::aborted).reason("no stock")) ==
             "completed 1: aborted voted_no no stock; closed 1: aborted");
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_before_the_log_has_the_note) {
  a_coordinator c;
  const auto first = single(c);
  const auto second = single(c);
  BOOST_TEST(c.fire(timer_kind::one_phase_deadline, first) == "");
  BOOST_TEST(c.written(record_type::epoch, {tx(0), 0}, log_outcome::definite) ==
             "send p0 rollback 1.1.0; completed 1: aborted log_refused; arm rollback_retry 0; "
             "send p0 rollback 1.2.0; completed 2: aborted log_refused; arm rollback_retry 0");
  BOOST_TEST((c.core.query(second) == decision::aborted));
  const auto again = c.begin();
  c.enlist(again, 0, true);
  BOOST_TEST(c.commit(again) == "force epoch 1.0.0");
  BOOST_TEST(c.written(record_type::epoch, {tx(0), 0}, log_outcome::ambiguous) ==
             "alarm log_poisoned; completed 3: aborted log_poisoned");
}

BOOST_AUTO_TEST_CASE(a_later_start_does_not_take_them_for_aborted) {
  a_coordinator c;
  const auto before = c.preparing(1);
  const auto plain = c.core.live_records();
  single(c);
  const auto note = only<force>(c.last).record;
  c.written(record_type::epoch, {tx(0), 0});
  const auto compacted = c.core.live_records();
  a_coordinator after({}, {log_entry(record_type::epoch, tx(0)).encode(), note});
  BOOST_TEST((after.core.query(tx(2)) == decision::unknown));
  BOOST_TEST((after.core.query(before) == decision::unknown));
  a_coordinator later({}, compacted);
  BOOST_TEST((later.core.query(tx(9)) == decision::unknown));
  a_coordinator without({}, plain);
  BOOST_TEST((without.core.query(tx(9)) == decision::aborted));
}

BOOST_AUTO_TEST_CASE(s13_a_lost_reply_is_unknown) {
  a_coordinator c;
  const auto id = sent(c);
  BOOST_TEST(c.fire(timer_kind::one_phase_deadline, id) ==
             "completed 1: unknown one_phase_reply_lost; closed 1: unknown");
  BOOST_TEST(c.receive(done(id, decision::committed)) == "");
  BOOST_TEST((c.core.query(id) == decision::unknown));
}

BOOST_AUTO_TEST_CASE(only_the_branch_of_the_transaction_can_answer) {
  a_coordinator c;
  const auto id = sent(c);
  BOOST_TEST(c.receive(message(message_kind::done, {id, 1}).decision(decision::aborted)) == "");
  BOOST_TEST(c.receive(done(tx(7), decision::aborted)) == "");
  for (const auto ended : {decision::unknown, decision::heuristic_mixed, decision::heuristic_hazard})
    BOOST_TEST(c.receive(done(id, ended)) == "");
  BOOST_TEST(c.vote(id, 0, vote::no) == "");
  BOOST_TEST(c.ack(id, 0) == "");
  BOOST_TEST(c.receive(done(c.preparing(1), decision::aborted)) == "");
  BOOST_TEST(c.receive(done(id, decision::committed)) == "completed 1: committed; closed 1: committed");
}

BOOST_AUTO_TEST_CASE(cancel_and_stop_come_too_late) {
  a_coordinator c;
  const auto id = sent(c);
  BOOST_TEST(c.rollback(id, errc::cancelled) == "");
  BOOST_TEST(c.step(stop_requested()) == "");
  BOOST_TEST(c.inquire(id) == "send p0 outcome 1.1.0 pending");
}

BOOST_AUTO_TEST_CASE(two_branches_or_one_that_cannot_take_two_phases) {
  a_coordinator c;
  const auto two = c.begin();
  c.enlist(two, 0, true);
  c.enlist(two, 1, true);
  BOOST_TEST(c.commit(two).starts_with("send p0 prepare 1.1.0; send p1 prepare 1.1.1"));
  const auto cannot = c.begin();
  c.enlist(cannot, 0, false);
  BOOST_TEST(c.commit(cannot).starts_with("send p0 prepare 1.2.0"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(poisoned)

BOOST_AUTO_TEST_CASE(s13_an_ambiguous_write_stops_everything_and_tells_the_truth) {
  a_coordinator c;
  const auto active = c.active(1);
  const auto preparing = c.preparing(1);
  const auto deciding = c.deciding(1);
  const auto committing = c.committing(1);
  const auto alone = sent(c);
  BOOST_TEST(c.written(record_type::commit, {deciding, 0}, log_outcome::ambiguous) ==
             "alarm log_poisoned; completed 1: aborted log_poisoned; completed 2: aborted log_poisoned; "
             "completed 3: unknown log_poisoned; completed 5: unknown one_phase_reply_lost");
  for (const auto& id : {active, preparing, deciding, committing, alone}) {
    BOOST_TEST(c.inquire(id) == fmt::format("send p0 outcome {} pending", text(branch_id(id, 0))));
    BOOST_TEST((only<send>(c.last).message.low_water() == position())); // no mark moves
    BOOST_TEST((c.core.query(id) == decision::unknown));
    for (int kind = 0; kind <= static_cast<int>(timer_kind::hook_retry); ++kind)
      BOOST_TEST(c.fire(static_cast<timer_kind>(kind), id) == "");
    BOOST_TEST(c.vote(id, 0, vote::yes) == "");
    BOOST_TEST(c.ack(id, 0) == "");
    BOOST_TEST(c.receive(done(id, decision::committed)) == "");
    BOOST_TEST(c.rollback(id) == "");
    BOOST_TEST(c.commit(id) == "refused 3 wrong_state");
  }
  BOOST_TEST(c.step(begin_requested(1)) == "refused 1 log_poisoned");
  BOOST_TEST(c.step(stop_requested()) == "");
  BOOST_TEST(c.step(sweep_due("bank")) == "");
  BOOST_TEST(c.step(in_doubt_listed("bank", {})) == "");
  BOOST_TEST(c.step(forget_requested({committing, 0}, name_of(0))) == "");
  BOOST_TEST(c.step(resolve_requested({committing, 0}, decision::committed, "root", 1)) == "resolved log_poisoned");
}

BOOST_AUTO_TEST_CASE(a_later_write_is_not_believed) {
  a_coordinator c;
  const auto first = c.deciding(1);
  const auto second = c.deciding(1);
  c.written(record_type::commit, {first, 0}, log_outcome::ambiguous);
  BOOST_TEST(c.written(record_type::commit, {second, 0}) == "");
  BOOST_TEST(c.written(record_type::commit, {first, 0}) == "");
}

BOOST_AUTO_TEST_CASE(only_a_restart_leaves_it_and_the_log_decides) {
  a_coordinator c;
  const auto id = c.deciding(1);
  const auto record = only<force>(c.last).record;
  c.written(record_type::commit, {id, 0}, log_outcome::ambiguous);
  const auto epoch = log_entry(record_type::epoch, tx(0)).encode();
  a_coordinator absent({}, {epoch});
  BOOST_TEST((absent.core.query(id) == decision::aborted));
  BOOST_TEST(absent.inquire(id) == "send p0 outcome 1.1.0 abort");
  a_coordinator present({}, {epoch, record});
  BOOST_TEST(present.start == "started 2; send p0 commit 1.1.0; arm commit_retry 0; arm stuck 0");
  BOOST_TEST((present.core.query(id) == decision::committed));
}

BOOST_AUTO_TEST_CASE(an_administrator_that_waits_gets_an_answer) {
  a_coordinator c;
  const auto id = c.committing(1);
  c.step(resolve_requested({id, 0}, decision::committed, "root", 1));
  BOOST_TEST(c.written(record_type::heuristic, {id, 0}, log_outcome::ambiguous) ==
             "alarm log_poisoned; resolved log_poisoned");
}

BOOST_AUTO_TEST_CASE(an_epoch_that_may_be_in_the_log_starts_nothing) {
  coordinator_core core(shop);
  core.step(log_opened(coordinator_log, {}));
  const write_id epoch(record_type::epoch, {tx(0), 0});
  auto refusing = core;
  BOOST_TEST(text(core.step(log_written(epoch, log_outcome::ambiguous))) == "alarm log_poisoned");
  BOOST_TEST(text(core.step(begin_requested(1))) == "refused 1 log_poisoned");
  BOOST_TEST(text(refusing.step(log_written(epoch, log_outcome::definite))) == "alarm log_unreadable");
  BOOST_TEST(text(refusing.step(begin_requested(1))) == "refused 1 log_unavailable");
  BOOST_TEST(text(refusing.step(log_written(epoch, log_outcome::ok))) == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
