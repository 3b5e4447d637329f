// The participant, state by state. The suites have the names of the rows of the table of its states: unknown,
// preparing, prepared, committing, committed, rolling_back, below_watermark. See cores_heuristics_test.cpp for
// heuristic, and cores_participant_recovery_test.cpp for what is left after a crash.
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {

BOOST_AUTO_TEST_SUITE(two_phase_participant)

BOOST_AUTO_TEST_SUITE(unknown)

BOOST_AUTO_TEST_CASE(prepare_runs_the_hook_with_the_payload) {
  a_participant p;
  BOOST_TEST(p.receive(message(message_kind::prepare, p.id).payload({std::byte{3}})) == "run prepare 1.1.0");
  BOOST_TEST((only<run_hook>(p.last).payload == std::vector{std::byte{3}}));
}

BOOST_AUTO_TEST_CASE(rollback_is_acknowledged) {
  a_participant p;
  BOOST_TEST(p.rollback(5) == "send c ack 1.1.0 rolled_back; acknowledge 5");
  BOOST_TEST(p.outcome(outcome_kind::abort) == "send c ack 1.1.0 rolled_back");
  BOOST_TEST(p.phase() == "unknown");
}

BOOST_AUTO_TEST_CASE(commit_below_the_mark_is_acknowledged) {
  a_participant p;
  p.tell_mark({1, 2});
  BOOST_TEST(p.commit(5) == "send c ack 1.1.0 committed; acknowledge 5");
}

BOOST_AUTO_TEST_CASE(commit_at_or_above_the_mark_is_a_hazard) {
  a_participant p; // it voted, and its log knows nothing
  BOOST_TEST(p.commit(5) == "alarm heuristic_hazard; send c ack 1.1.0 heuristic_hazard; acknowledge 5");
  p.tell_mark({1, 1});
  BOOST_TEST(p.commit() == "alarm heuristic_hazard; send c ack 1.1.0 heuristic_hazard");
}

BOOST_AUTO_TEST_CASE(not_mine_and_pending_for_nothing_do_nothing) {
  a_participant p;
  BOOST_TEST(p.outcome(outcome_kind::not_mine, 5) == "acknowledge 5");
  BOOST_TEST(p.outcome(outcome_kind::pending, 6) == "acknowledge 6");
  BOOST_TEST(p.forget(7) == "acknowledge 7");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(preparing)

BOOST_AUTO_TEST_CASE(duplicates_are_coalesced) {
  a_participant p;
  p.prepare(1);
  BOOST_TEST(p.prepare(2) == "");
  BOOST_TEST(p.hook(hook_kind::prepare, hook_result::yes) == "force prepared 1.1.0");
  BOOST_TEST(p.prepare(3) == "");
  BOOST_TEST(p.written(record_type::prepared) ==
             "send c vote 1.1.0 yes; acknowledge 1; acknowledge 2; acknowledge 3; arm inquiry 0");
}

BOOST_AUTO_TEST_CASE(a_hook_that_refuses_votes_no_with_its_reason) {
  a_participant p;
  p.prepare(1);
  BOOST_TEST(p.hook(hook_kind::prepare, hook_result::no, {}, "no stock") ==
             "send c vote 1.1.0 no no stock; acknowledge 1");
  BOOST_TEST(p.prepare() == "send c vote 1.1.0 no no stock");
  BOOST_TEST(p.rollback() == "send c ack 1.1.0 rolled_back");
  BOOST_TEST(p.core.live_records().empty());
}

BOOST_AUTO_TEST_CASE(a_hook_that_fails_otherwise_is_a_no) {
  for (const auto result : {hook_result::failed, hook_result::done, static_cast<hook_result>(77)}) {
    a_participant p;
    p.prepare();
    BOOST_TEST(p.hook(hook_kind::prepare, result) == "send c vote 1.1.0 no");
  }
}

BOOST_AUTO_TEST_CASE(a_read_only_branch_votes_so_and_writes_nothing) {
  a_participant p;
  p.prepare();
  BOOST_TEST(p.hook(hook_kind::prepare, hook_result::read_only) == "send c vote 1.1.0 read_only");
  BOOST_TEST(p.prepare() == "send c vote 1.1.0 read_only");
  BOOST_TEST(p.rollback() == "send c ack 1.1.0 rolled_back");
  BOOST_TEST(p.core.live_records().empty());
}

BOOST_AUTO_TEST_CASE(a_rollback_in_the_meantime_waits_for_the_hook) {
  a_participant refusing;
  refusing.prepare(1);
  BOOST_TEST(refusing.rollback(2) == "");
  BOOST_TEST(refusing.hook(hook_kind::prepare, hook_result::no) ==
             "send c ack 1.1.0 rolled_back; acknowledge 1; acknowledge 2");

  a_participant willing;
  willing.prepare(1);
  willing.rollback(2);
  BOOST_TEST(willing.hook(hook_kind::prepare, hook_result::yes) == "run rollback 1.1.0"); // no PREPARED any more
  BOOST_TEST(willing.hook(hook_kind::rollback, hook_result::done) ==
             "send c ack 1.1.0 rolled_back; acknowledge 1; acknowledge 2");

  a_participant writing;
  writing.prepare();
  writing.hook(hook_kind::prepare, hook_result::yes);
  BOOST_TEST(writing.rollback() == "");
  BOOST_TEST(writing.written(record_type::prepared) == "run rollback 1.1.0"); // and no vote
  BOOST_TEST(writing.hook(hook_kind::rollback, hook_result::done) == "append aborted; send c ack 1.1.0 rolled_back");
}

BOOST_AUTO_TEST_CASE(a_commit_before_the_vote_does_nothing) {
  a_participant p;
  p.prepare();
  BOOST_TEST(p.commit(5) == "acknowledge 5");
  p.hook(hook_kind::prepare, hook_result::yes);
  BOOST_TEST(p.commit() == "");
  BOOST_TEST(p.written(record_type::prepared) == "send c vote 1.1.0 yes; arm inquiry 0");
}

BOOST_AUTO_TEST_CASE(s7_a_yes_follows_prepared_with_all_that_recovery_needs) {
  a_participant p;
  p.prepare();
  BOOST_TEST(p.hook(hook_kind::prepare, hook_result::yes, {std::byte{7}}) == "force prepared 1.1.0");
  const auto entry = log_entry::decode(only<force>(p.last).record);
  BOOST_TEST_REQUIRE(entry.has_value());
  BOOST_TEST((*entry == log_entry(record_type::prepared, p.id).coordinator(shop).token({std::byte{7}})));
  BOOST_TEST(p.fire(timer_kind::inquiry) == "");
  BOOST_TEST(p.written(record_type::prepared) == "send c vote 1.1.0 yes; arm inquiry 0");
  BOOST_TEST((only<send>(p.last).message.from() == participant_log));
}

BOOST_AUTO_TEST_CASE(a_definite_refusal_of_the_log_rolls_back_and_votes_no) {
  a_participant p;
  p.prepare(1);
  p.hook(hook_kind::prepare, hook_result::yes);
  BOOST_TEST(p.written(record_type::prepared, log_outcome::definite) == "run rollback 1.1.0");
  BOOST_TEST(p.hook(hook_kind::rollback, hook_result::failed) == "arm hook_retry 0");
  BOOST_TEST(p.fire(timer_kind::hook_retry) == "run rollback 1.1.0");
  BOOST_TEST(p.hook(hook_kind::rollback, hook_result::done) ==
             "send c vote 1.1.0 no the participant's log did not take the record; acknowledge 1");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(prepared)

BOOST_AUTO_TEST_CASE(a_duplicate_of_prepare_is_answered_yes_again) {
  a_participant p;
  p.prepared();
  BOOST_TEST(p.prepare(5) == "send c vote 1.1.0 yes; acknowledge 5");
}

BOOST_AUTO_TEST_CASE(it_inquires_for_ever_and_decides_nothing_by_time) {
  a_participant p;
  p.prepared();
  const auto before = p.core.fingerprint();
  for (int attempt = 1; attempt <= 1000; ++attempt) {
    BOOST_TEST(p.fire(timer_kind::inquiry) == fmt::format("send c inquire 1.1.0; arm inquiry {}", attempt));
    BOOST_TEST(p.outcome(outcome_kind::pending) == "");
    BOOST_TEST((p.core.fingerprint() == before));
  }
  BOOST_TEST(p.phase() == "prepared");
  BOOST_TEST(p.core.list().front().attempts() == 1000u);
}

BOOST_AUTO_TEST_CASE(not_mine_stays_in_doubt_and_calls_for_help) {
  a_participant p;
  p.prepared();
  const auto not_mine = message(message_kind::outcome, p.id).outcome(outcome_kind::not_mine).from(foreign_log);
  BOOST_TEST(p.step(received(not_mine, 5)) == "alarm not_mine; acknowledge 5");
  BOOST_TEST(p.phase() == "prepared");
}

BOOST_AUTO_TEST_CASE(an_outcome_is_a_decision) {
  a_participant committing;
  BOOST_TEST(committing.prepared().outcome(outcome_kind::commit) == "run commit 1.1.0");
  a_participant aborting;
  BOOST_TEST(aborting.prepared().outcome(outcome_kind::abort) == "run rollback 1.1.0");
}

BOOST_AUTO_TEST_CASE(s9_only_its_own_coordinator_decides) {
  a_participant p;
  p.prepared();
  for (const auto kind : {message_kind::commit, message_kind::rollback, message_kind::forget}) {
    const auto what = message(kind, p.id).prepared_under(participant_log).low_water({9, 9});
    BOOST_TEST(p.step(received(message(what).from(foreign_log), 5)) == "acknowledge 5");
    BOOST_TEST(p.step(received(what)) == ""); // of nobody
  }
  for (const auto kind : {outcome_kind::commit, outcome_kind::abort, outcome_kind::pending}) {
    const auto what = message(message_kind::outcome, p.id).outcome(kind).prepared_under(participant_log);
    BOOST_TEST(p.step(received(message(what).from(foreign_log))) == "");
  }
  BOOST_TEST(p.phase() == "prepared");
  BOOST_TEST(p.commit() == "run commit 1.1.0");
}

BOOST_AUTO_TEST_CASE(a_commit_of_another_log_is_a_hazard_and_the_branch_stays_in_doubt) {
  a_participant p;
  p.prepared(); // by a late copy of PREPARE, after the log was lost
  BOOST_TEST(p.commit(5, foreign_log) == "alarm heuristic_hazard; send c ack 1.1.0 heuristic_hazard; acknowledge 5");
  BOOST_TEST(p.phase() == "prepared");
  BOOST_TEST(p.outcome(outcome_kind::abort) == "run rollback 1.1.0"); // when the coordinator has forgotten it
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(committing)

BOOST_AUTO_TEST_CASE(a_hook_that_throws_runs_again_for_ever_and_never_rolls_back) {
  a_participant p;
  BOOST_TEST(p.prepared().commit(1) == "run commit 1.1.0");
  const auto running = p.core.fingerprint();
  for (int attempt = 0; attempt < 1000; ++attempt) {
    BOOST_TEST(p.hook(hook_kind::commit, hook_result::failed) == fmt::format("arm hook_retry {}", attempt));
    BOOST_TEST(p.rollback() == "");
    BOOST_TEST(p.fire(timer_kind::hook_retry) == "run commit 1.1.0");
    BOOST_TEST((p.core.fingerprint() == running));
  }
}

BOOST_AUTO_TEST_CASE(copies_wait_for_committed_and_other_messages_change_nothing) {
  a_participant p;
  p.prepared().commit(1);
  BOOST_TEST(p.commit(2) == "");
  BOOST_TEST(p.prepare(3) == "acknowledge 3");
  BOOST_TEST(p.outcome(outcome_kind::abort, 4) == "acknowledge 4"); // to an inquiry of before; it has been forgotten
  BOOST_TEST(p.fire(timer_kind::inquiry) == "");
  BOOST_TEST(p.fire(timer_kind::hook_retry) == ""); // the hook runs
  BOOST_TEST(p.resolve(decision::aborted) == "resolved wrong_state");
  BOOST_TEST(p.hook(hook_kind::commit, hook_result::done) == "force committed 1.1.0");
  BOOST_TEST(p.outcome(outcome_kind::commit, 5) == "");
  BOOST_TEST(p.written(record_type::committed) ==
             "send c ack 1.1.0 committed; acknowledge 1; acknowledge 2; acknowledge 5");
}

BOOST_AUTO_TEST_CASE(s7_a_definite_refusal_of_the_log_forces_committed_again_before_the_ack) {
  a_participant p;
  p.prepared().commit();
  p.hook(hook_kind::commit, hook_result::done);
  BOOST_TEST(p.fire(timer_kind::hook_retry) == ""); // it is being written
  BOOST_TEST(p.written(record_type::committed, log_outcome::definite) == "arm hook_retry 0");
  BOOST_TEST(p.fire(timer_kind::hook_retry) == "force committed 1.1.0"); // and the hook is not run again
  BOOST_TEST(p.written(record_type::committed) == "send c ack 1.1.0 committed");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(committed)

BOOST_AUTO_TEST_CASE(it_acknowledges_every_commit_and_forgets_nothing) {
  a_participant p;
  p.committed();
  BOOST_TEST(p.commit(5) == "send c ack 1.1.0 committed; acknowledge 5");
  BOOST_TEST(p.outcome(outcome_kind::commit) == "send c ack 1.1.0 committed");
  BOOST_TEST(p.prepare(6) == "acknowledge 6");
  BOOST_TEST(p.one_phase() == "send c done 1.1.0 committed");
  BOOST_TEST(p.phase() == "committed");
}

BOOST_AUTO_TEST_CASE(s14_no_rollback_follows_a_commit) {
  a_participant p;
  p.committed();
  BOOST_TEST(p.rollback(5) == "acknowledge 5");
  BOOST_TEST(p.outcome(outcome_kind::abort, 6) == "acknowledge 6");
  BOOST_TEST(p.hook(hook_kind::rollback, hook_result::done) == "");
  BOOST_TEST(p.fire(timer_kind::hook_retry) == "");
  BOOST_TEST(p.phase() == "committed");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(rolling_back)

BOOST_AUTO_TEST_CASE(the_hook_runs_until_it_succeeds_and_then_aborted_is_noted_lazily) {
  a_participant p;
  BOOST_TEST(p.prepared().rollback(1) == "run rollback 1.1.0");
  for (int attempt = 0; attempt < 100; ++attempt) {
    BOOST_TEST(p.hook(hook_kind::rollback, hook_result::failed) == fmt::format("arm hook_retry {}", attempt));
    BOOST_TEST(p.fire(timer_kind::hook_retry) == "run rollback 1.1.0");
  }
  BOOST_TEST(p.rollback(2) == "");
  BOOST_TEST(p.hook(hook_kind::rollback, hook_result::done) ==
             "append aborted; send c ack 1.1.0 rolled_back; acknowledge 1; acknowledge 2");
}

BOOST_AUTO_TEST_CASE(s14_no_commit_follows_a_rollback) {
  a_participant p;
  p.prepared().rollback();
  BOOST_TEST(p.commit(5) == "alarm contradiction; acknowledge 5");
  p.hook(hook_kind::rollback, hook_result::done);
  BOOST_TEST(p.commit() == "alarm contradiction");
  BOOST_TEST(p.phase() == "aborted");
}

BOOST_AUTO_TEST_CASE(aborted_is_remembered) {
  a_participant p;
  p.aborted();
  BOOST_TEST(p.rollback(5) == "send c ack 1.1.0 rolled_back; acknowledge 5");
  BOOST_TEST(p.prepare(6) == "acknowledge 6"); // a late copy
  BOOST_TEST(p.phase() == "aborted");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(one_phase)

BOOST_AUTO_TEST_CASE(done_follows_a_durable_committed) {
  a_participant p;
  BOOST_TEST(p.one_phase(1) == "run commit_one_phase 1.1.0");
  BOOST_TEST(p.one_phase(2) == "");
  BOOST_TEST(p.hook(hook_kind::commit_one_phase, hook_result::failed) == "arm hook_retry 0");
  BOOST_TEST(p.fire(timer_kind::hook_retry) == "run commit_one_phase 1.1.0");
  BOOST_TEST(p.hook(hook_kind::commit_one_phase, hook_result::done) == "force committed 1.1.0");
  BOOST_TEST(p.written(record_type::committed) == "send c done 1.1.0 committed; acknowledge 1; acknowledge 2");
  BOOST_TEST(p.one_phase() == "send c done 1.1.0 committed");
}

BOOST_AUTO_TEST_CASE(a_refusal_is_forced_before_it_is_told) {
  a_participant p;
  p.one_phase(1);
  BOOST_TEST(p.hook(hook_kind::commit_one_phase, hook_result::no, {}, "no stock") == "force aborted 1.1.0");
  BOOST_TEST(p.one_phase(2) == "");
  BOOST_TEST(p.written(record_type::aborted, log_outcome::definite) == "arm hook_retry 0");
  BOOST_TEST(p.fire(timer_kind::hook_retry) == "force aborted 1.1.0");
  BOOST_TEST(p.written(record_type::aborted) == "send c done 1.1.0 aborted; acknowledge 1; acknowledge 2");
  BOOST_TEST(only<send>(p.last).message.reason() == "no stock");
  BOOST_TEST(p.one_phase() == "send c done 1.1.0 aborted");
  // A copy that comes after a crash does not commit what was told to be aborted.
  BOOST_TEST(a_participant(p.core.live_records()).one_phase() == "send c done 1.1.0 aborted");
}

BOOST_AUTO_TEST_CASE(a_late_copy_below_the_mark_is_not_run) {
  a_participant p;
  p.tell_mark({1, 2});
  BOOST_TEST(p.one_phase(5) == "acknowledge 5");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
