// Decisions of administrators: the row "heuristic" of the table of participants, and the same seen by the coordinator.
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {

BOOST_AUTO_TEST_SUITE(two_phase_heuristics)

BOOST_AUTO_TEST_SUITE(participant)

BOOST_AUTO_TEST_CASE(a_decision_is_forced_before_it_is_carried_out) {
  a_participant p;
  BOOST_TEST(p.prepared().resolve(decision::aborted) == "force heuristic 1.1.0");
  const auto entry = log_entry::decode(only<force>(p.last).record);
  BOOST_TEST_REQUIRE(entry.has_value());
  BOOST_TEST((*entry == log_entry(record_type::heuristic, p.id).resolved(decision::aborted).who("root").when(1)));
  BOOST_TEST(p.resolve(decision::committed) == "resolved wrong_state");
  BOOST_TEST(p.written(record_type::heuristic) == "run rollback 1.1.0");
  BOOST_TEST(p.hook(hook_kind::rollback, hook_result::failed) == "arm hook_retry 0");
  BOOST_TEST(p.fire(timer_kind::hook_retry) == "run rollback 1.1.0");
  BOOST_TEST(p.hook(hook_kind::rollback, hook_result::done) == "resolved ok");
  BOOST_TEST(p.fire(timer_kind::inquiry) == "send c inquire 1.1.0; arm inquiry 2"); // until the coordinator decides
}

BOOST_AUTO_TEST_CASE(only_what_is_in_doubt_can_be_resolved_and_only_one_way_or_the_other) {
  a_participant p;
  BOOST_TEST(p.resolve(decision::committed) == "resolved unknown_transaction");
  p.prepare();
  BOOST_TEST(p.resolve(decision::committed) == "resolved wrong_state");
  a_participant in_doubt;
  in_doubt.prepared();
  for (const auto chosen : {decision::unknown, decision::heuristic_mixed, decision::heuristic_hazard})
    BOOST_TEST(in_doubt.resolve(chosen) == "resolved wrong_state");
  a_participant over;
  BOOST_TEST(over.committed().resolve(decision::committed) == "resolved wrong_state");
}

BOOST_AUTO_TEST_CASE(the_same_decision_is_acknowledged_when_it_is_durable) {
  a_participant p;
  p.heuristic(decision::committed);
  BOOST_TEST(p.commit(5) == "force committed 1.1.0");
  BOOST_TEST(p.commit(6) == "");
  BOOST_TEST(p.written(record_type::committed) == "send c ack 1.1.0 committed; acknowledge 5; acknowledge 6");
  BOOST_TEST(p.fire(timer_kind::inquiry) == "");
  BOOST_TEST(p.commit(7) == "send c ack 1.1.0 committed; acknowledge 7");
  // An inquiry that comes after the end is answered with abort: that is no contradiction.
  BOOST_TEST(p.outcome(outcome_kind::abort) == "send c ack 1.1.0 committed");
  a_participant aborted;
  BOOST_TEST(aborted.heuristic(decision::aborted).rollback(5) ==
             "append aborted; send c ack 1.1.0 rolled_back; acknowledge 5");
}

BOOST_AUTO_TEST_CASE(another_decision_is_damage_and_the_alarm_comes_once) {
  a_participant aborted;
  BOOST_TEST(aborted.heuristic(decision::aborted).commit(5) == "force committed 1.1.0");
  BOOST_TEST(aborted.written(record_type::committed) ==
             "alarm heuristic_damage; send c ack 1.1.0 heuristic_damage; acknowledge 5");
  BOOST_TEST(aborted.commit() == "send c ack 1.1.0 heuristic_damage");
  a_participant committed;
  BOOST_TEST(committed.heuristic(decision::committed).rollback() ==
             "append aborted; alarm heuristic_damage; send c ack 1.1.0 heuristic_damage");
  BOOST_TEST(committed.rollback() == "send c ack 1.1.0 heuristic_damage");
}

BOOST_AUTO_TEST_CASE(a_decision_that_comes_while_the_administrators_is_written_waits) {
  a_participant p;
  p.prepared().resolve(decision::committed);
  BOOST_TEST(p.rollback(5) == "");
  BOOST_TEST(p.prepare(6) == "send c vote 1.1.0 yes; acknowledge 6");
  auto refused_by_the_log = p;
  BOOST_TEST(p.written(record_type::heuristic) == "run commit 1.1.0");
  BOOST_TEST(p.hook(hook_kind::commit, hook_result::done) ==
             "resolved ok; append aborted; alarm heuristic_damage; send c ack 1.1.0 heuristic_damage; acknowledge 5");
  BOOST_TEST(refused_by_the_log.written(record_type::heuristic, log_outcome::definite) ==
             "resolved log_refused; run rollback 1.1.0");
  BOOST_TEST(refused_by_the_log.hook(hook_kind::rollback, hook_result::done) ==
             "append aborted; send c ack 1.1.0 rolled_back; acknowledge 5");
}

BOOST_AUTO_TEST_CASE(a_definite_refusal_of_the_log_leaves_it_in_doubt) {
  a_participant p;
  p.prepared().resolve(decision::committed);
  BOOST_TEST(p.written(record_type::heuristic, log_outcome::definite) == "resolved log_refused");
  BOOST_TEST(p.phase() == "prepared");
  BOOST_TEST(p.fire(timer_kind::inquiry) == "send c inquire 1.1.0; arm inquiry 1");
  BOOST_TEST(p.commit() == "run commit 1.1.0");
}

BOOST_AUTO_TEST_CASE(an_ambiguous_write_answers_the_administrator) {
  a_participant writing;
  writing.prepared().resolve(decision::committed);
  BOOST_TEST(writing.written(record_type::heuristic, log_outcome::ambiguous) ==
             "alarm log_poisoned; resolved log_poisoned");
  a_participant running; // the hook's end will not be heard
  running.prepared().resolve(decision::committed);
  running.written(record_type::heuristic);
  running.id = {tx(2), 0};
  running.prepare();
  running.hook(hook_kind::prepare, hook_result::yes);
  BOOST_TEST(running.written(record_type::prepared, log_outcome::ambiguous) ==
             "alarm log_poisoned; resolved log_poisoned");
}

BOOST_AUTO_TEST_CASE(after_a_crash_the_hook_runs_again_and_the_coordinator_is_asked) {
  a_participant p;
  p.heuristic(decision::committed);
  a_participant after(p.core.live_records());
  BOOST_TEST(after.start == "reattach 1.1.0; run commit 1.1.0; send c inquire 1.1.0; arm inquiry 0");
  BOOST_TEST(after.outcome(outcome_kind::commit, 5) == ""); // until the hook has run
  BOOST_TEST(after.hook(hook_kind::commit, hook_result::done) == "resolved ok; force committed 1.1.0");
  BOOST_TEST(after.written(record_type::committed) == "send c ack 1.1.0 committed; acknowledge 5");
}

BOOST_AUTO_TEST_CASE(after_a_crash_a_decision_that_was_logged_is_acknowledged_again) {
  a_participant p;
  p.heuristic(decision::aborted).commit();
  p.written(record_type::committed);
  a_participant after(p.core.live_records());
  BOOST_TEST(after.start == "reattach 1.1.0; run rollback 1.1.0");
  BOOST_TEST(after.hook(hook_kind::rollback, hook_result::done) == "resolved ok; send c ack 1.1.0 heuristic_damage");
}

BOOST_AUTO_TEST_CASE(it_is_kept_until_forget) {
  a_participant p;
  p.heuristic(decision::committed);
  BOOST_TEST(p.step(forget_requested(p.id)) == "resolved wrong_state"); // nobody knows yet whether there was damage
  BOOST_TEST(p.tell_mark({1, 5}) == "");
  p.commit();
  BOOST_TEST(p.step(forget_requested(p.id)) == "resolved wrong_state"); // COMMITTED is being forced
  p.written(record_type::committed, log_outcome::definite);
  BOOST_TEST(p.step(forget_requested(p.id)) == "resolved wrong_state"); // the log did not take it, nor what it means
  BOOST_TEST(p.fire(timer_kind::hook_retry) == "force committed 1.1.0");
  p.written(record_type::committed);
  BOOST_TEST(p.phase() == "heuristic");
  BOOST_TEST(p.forget(5) == "force forget 1.1.0");
  BOOST_TEST(p.forget(6) == "");
  BOOST_TEST(p.step(forget_requested(p.id)) == "resolved wrong_state");
  BOOST_TEST(p.written(record_type::forget) == "acknowledge 5; acknowledge 6; resolved ok; append watermark");
  BOOST_TEST(p.phase() == "unknown");
  BOOST_TEST(p.step(forget_requested(p.id)) == "resolved unknown_transaction");
}

BOOST_AUTO_TEST_CASE(a_forget_that_the_log_refuses_forgets_nothing) {
  a_participant p;
  p.heuristic(decision::aborted).rollback();
  p.forget();
  BOOST_TEST(p.written(record_type::forget, log_outcome::definite) == "resolved log_refused");
  BOOST_TEST(p.phase() == "heuristic");
  BOOST_TEST(p.rollback() == "send c ack 1.1.0 rolled_back");
  p.forget();
  BOOST_TEST(p.written(record_type::forget) == "resolved ok");
  BOOST_TEST(p.phase() == "aborted");
}

BOOST_AUTO_TEST_CASE(damage_is_told_even_after_a_forget) {
  a_participant p; // whose answer to COMMIT was lost
  p.heuristic(decision::aborted).commit();
  p.written(record_type::committed);
  p.step(forget_requested(p.id));
  BOOST_TEST(p.written(record_type::forget) == "resolved ok");
  BOOST_TEST(p.commit(5) == "send c ack 1.1.0 heuristic_damage; acknowledge 5");
  a_participant after(p.core.live_records());
  BOOST_TEST(after.start == "");
  BOOST_TEST(after.commit() == "send c ack 1.1.0 heuristic_damage");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(coordinator)

BOOST_AUTO_TEST_CASE(damage_and_hazard_are_told_to_people_and_end_the_waiting) {
  a_coordinator c;
  const auto damaged = c.committing(1);
  BOOST_TEST(c.ack(damaged, 0, ack_kind::heuristic_damage) ==
             "alarm heuristic_damage; append end; closed 1: heuristic_mixed");
  BOOST_TEST(c.ack(damaged, 0, ack_kind::heuristic_damage) == "");
  const auto doubtful = c.committing(1);
  BOOST_TEST(c.ack(doubtful, 0, ack_kind::heuristic_hazard) ==
             "alarm heuristic_hazard; append end; closed 2: heuristic_hazard");
  const auto aborting = c.aborting(1);
  BOOST_TEST(c.ack(aborting, 0, ack_kind::heuristic_damage) == "alarm heuristic_damage; closed 3: heuristic_mixed");
}

BOOST_AUTO_TEST_CASE(certain_damage_weighs_more_than_a_hazard) {
  for (const bool damage_first : {true, false}) {
    a_coordinator c;
    const auto id = c.committing(2);
    c.ack(id, 0, damage_first ? ack_kind::heuristic_damage : ack_kind::heuristic_hazard);
    const auto closing = c.ack(id, 1, damage_first ? ack_kind::heuristic_hazard : ack_kind::heuristic_damage);
    BOOST_TEST(closing.ends_with("append end; closed 1: heuristic_mixed"), closing);
  }
}

BOOST_AUTO_TEST_CASE(an_administrator_ends_what_nobody_acknowledges) {
  a_coordinator c;
  const auto id = c.committing(2);
  BOOST_TEST(c.step(resolve_requested({id, 0}, decision::committed, "root", 1)) == "force heuristic 1.1.0");
  BOOST_TEST(c.step(resolve_requested({id, 0}, decision::committed, "root", 1)) == "resolved wrong_state");
  BOOST_TEST(c.written(record_type::heuristic, {id, 0}, log_outcome::definite) == "resolved log_refused");
  BOOST_TEST(c.fire(timer_kind::commit_retry, id) ==
             "send p0 commit 1.1.0; send p1 commit 1.1.1; arm commit_retry 1"); // nothing has changed
  c.step(resolve_requested({id, 0}, decision::committed, "root", 1));
  BOOST_TEST(c.written(record_type::heuristic, {id, 0}) == "resolved ok");
  BOOST_TEST(c.fire(timer_kind::commit_retry, id) == "send p1 commit 1.1.1; arm commit_retry 2");
  BOOST_TEST(c.inquire(id, 0) == "send p0 outcome 1.1.0 commit");
  c.step(resolve_requested({id, 1}, decision::aborted, "root", 1));
  BOOST_TEST(c.written(record_type::heuristic, {id, 1}) == "resolved ok; append end; closed 1: heuristic_mixed");
}

BOOST_AUTO_TEST_CASE(only_branches_that_wait_for_an_acknowledgement_can_be_resolved) {
  a_coordinator c;
  const auto resolve = [&](const branch_id& id, decision chosen = decision::committed) {
    return c.step(resolve_requested(id, chosen, "root", 1));
  };
  BOOST_TEST(resolve({tx(1), 0}) == "resolved unknown_transaction");
  for (const auto& id : {c.active(1), c.preparing(1), c.deciding(1), c.aborting(1)})
    BOOST_TEST(resolve({id, 0}) == "resolved wrong_state");
  const auto id = c.committing(2);
  c.ack(id, 0);
  BOOST_TEST(resolve({id, 0}) == "resolved wrong_state");
  BOOST_TEST(resolve({id, 5}) == "resolved unknown_transaction");
  for (const auto chosen : {decision::unknown, decision::heuristic_mixed, decision::heuristic_hazard})
    BOOST_TEST(resolve({id, 1}, chosen) == "resolved wrong_state");
}

BOOST_AUTO_TEST_CASE(an_administrator_that_a_participant_overtakes_gets_an_answer) {
  a_coordinator c;
  const auto id = c.committing(1);
  c.step(resolve_requested({id, 0}, decision::aborted, "root", 1));
  BOOST_TEST(c.ack(id, 0) == "");
  BOOST_TEST(c.written(record_type::heuristic, {id, 0}) == "resolved wrong_state; append end; closed 1: committed");
}

BOOST_AUTO_TEST_CASE(it_survives_a_restart) {
  a_coordinator before;
  const auto id = before.committing(2);
  before.step(resolve_requested({id, 0}, decision::aborted, "root", 1));
  a_coordinator too_early({}, before.core.live_records()); // its record is on the way
  BOOST_TEST(too_early.start ==
             "started 2; send p0 commit 1.1.0; send p1 commit 1.1.1; arm commit_retry 0; arm stuck 0");
  before.written(record_type::heuristic, {id, 0});
  a_coordinator after({}, before.core.live_records());
  BOOST_TEST(after.start == "started 2; send p1 commit 1.1.1; arm commit_retry 0; arm stuck 0");
  BOOST_TEST(after.ack(id, 1) == "append end; closed 1: heuristic_mixed");
}

BOOST_AUTO_TEST_CASE(forget_goes_to_the_participant) {
  a_coordinator c;
  BOOST_TEST(c.step(forget_requested({tx(1), 3}, name_of(3))) == "send p3 forget 1.1.3");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
