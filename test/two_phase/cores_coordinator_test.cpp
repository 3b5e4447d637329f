// The coordinator, state by state. The suites have the names of the rows of the table of its states: active, preparing,
// deciding, committing, ended, aborting, one_phase, poisoned. See cores_coordinator_recovery_test.cpp for recovering.
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {

BOOST_AUTO_TEST_SUITE(two_phase_coordinator)

BOOST_AUTO_TEST_SUITE(active)

BOOST_AUTO_TEST_CASE(begin_numbers_transactions_and_arms_their_lifetime) {
  a_coordinator c;
  BOOST_TEST(c.step(begin_requested(7)) == "granted 7 1.1.0; arm lifetime 0");
  BOOST_TEST(c.step(begin_requested(8)) == "granted 8 1.2.0; arm lifetime 0");
  BOOST_TEST(c.enlist(tx(1), 4) == "granted 2 1.1.0");
  BOOST_TEST(c.enlist(tx(1), 5) == "granted 2 1.1.1");
}

BOOST_AUTO_TEST_CASE(begin_is_refused_before_the_epoch_is_forced) {
  coordinator_core core(shop);
  BOOST_TEST(text(core.step(begin_requested(1))) == "refused 1 recovering");
  BOOST_TEST(text(core.step(log_opened(coordinator_log, {}))) == "force epoch 1.0.0");
  BOOST_TEST(text(core.step(begin_requested(1))) == "refused 1 recovering");
  const write_id epoch(record_type::epoch, {tx(0), 0});
  BOOST_TEST(text(core.step(log_written(epoch, log_outcome::ok))) == "started 1");
  BOOST_TEST(text(core.step(begin_requested(1))) == "granted 1 1.1.0; arm lifetime 0");
  BOOST_TEST(text(core.step(log_written(epoch, log_outcome::ok))) == ""); // nobody waits for it any more
}

BOOST_AUTO_TEST_CASE(begin_is_refused_above_max_in_flight) {
  a_coordinator c(coordinator_core_options().max_in_flight(2));
  c.begin();
  const auto id = c.committing(1);
  BOOST_TEST(c.step(begin_requested(5)) == "refused 5 overloaded"); // phase 2 counts
  c.ack(id, 0);
  BOOST_TEST(c.step(begin_requested(5)) == "granted 5 1.3.0; arm lifetime 0");
}

BOOST_AUTO_TEST_CASE(lifetime_ends_only_what_is_active) {
  a_coordinator c;
  const auto late = c.active(1);
  BOOST_TEST(c.fire(timer_kind::lifetime, late) ==
             "send p0 rollback 1.1.0; completed 1: aborted lifetime_exceeded; arm rollback_retry 0");
  for (const auto& id : {c.preparing(1), c.deciding(1), c.committing(1)})
    BOOST_TEST(c.fire(timer_kind::lifetime, id) == "");
}

BOOST_AUTO_TEST_CASE(an_inquiry_is_answered_pending) {
  a_coordinator c;
  BOOST_TEST(c.inquire(c.active(1)) == "send p0 outcome 1.1.0 pending");
}

BOOST_AUTO_TEST_CASE(after_a_crash_it_is_presumed_aborted) {
  a_coordinator before;
  const auto id = before.active(1);
  a_coordinator after({}, before.core.live_records());
  BOOST_TEST(after.inquire(id) == "send p0 outcome 1.1.0 abort");
}

BOOST_AUTO_TEST_CASE(enlist_and_commit_are_refused_when_it_is_over) {
  a_coordinator c;
  for (const auto& id : {c.preparing(1), c.deciding(1), c.committing(1), c.aborting(1)}) {
    BOOST_TEST(c.enlist(id, 1) == "refused 2 wrong_state");
    BOOST_TEST(c.commit(id) == "refused 3 wrong_state");
  }
  BOOST_TEST(c.enlist(tx(99), 1) == "refused 2 unknown_transaction");
  BOOST_TEST(c.commit(tx(99)) == "refused 3 unknown_transaction");
}

BOOST_AUTO_TEST_CASE(cancel_in_active_rolls_back_before_it_completes) {
  a_coordinator c;
  BOOST_TEST(c.rollback(c.active(2), errc::cancelled) ==
             "send p0 rollback 1.1.0; send p1 rollback 1.1.1; completed 1: aborted cancelled; arm rollback_retry 0");
  BOOST_TEST(c.rollback(c.begin()) ==
             "completed 2: aborted rolled_back; arm rollback_retry 0; closed 2: aborted"); // nobody to tell
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(preparing)

BOOST_AUTO_TEST_CASE(prepare_goes_to_all_at_once_with_their_payloads) {
  a_coordinator c;
  const auto id = c.begin();
  c.step(enlist_requested(2, id, name_of(0), {std::byte{10}}));
  c.step(enlist_requested(2, id, name_of(1), {std::byte{11}}));
  BOOST_TEST(c.commit(id) ==
             "send p0 prepare 1.1.0; send p1 prepare 1.1.1; arm prepare_deadline 0; arm prepare_retry 0");
  BOOST_TEST((only<send>(c.last).message.payload() == std::vector{std::byte{10}}));
  BOOST_TEST((std::get<send>(c.last[1]).message.payload() == std::vector{std::byte{11}}));
  BOOST_TEST((only<send>(c.last).message.from() == coordinator_log));
  BOOST_TEST((only<send>(c.last).message.sender() == shop));
}

BOOST_AUTO_TEST_CASE(prepare_is_sent_again_to_those_that_have_not_voted) {
  a_coordinator c;
  const auto id = c.preparing(3);
  c.vote(id, 0, vote::yes);
  c.vote(id, 2, vote::read_only);
  for (int attempt = 1; attempt < 20; ++attempt)
    BOOST_TEST(c.fire(timer_kind::prepare_retry, id) ==
               fmt::format("send p1 prepare 1.1.1; arm prepare_retry {}", attempt));
}

BOOST_AUTO_TEST_CASE(any_no_aborts_and_tells_only_those_that_may_be_prepared) {
  a_coordinator c;
  const auto id = c.preparing(4);
  c.vote(id, 0, vote::yes);
  c.vote(id, 1, vote::read_only);
  BOOST_TEST(
      c.vote(id, 2, vote::no, "no stock") ==
      "send p0 rollback 1.1.0; send p3 rollback 1.1.3; completed 1: aborted voted_no no stock; arm rollback_retry 0");
}

BOOST_AUTO_TEST_CASE(a_no_of_the_only_branch_closes_at_once) {
  a_coordinator c;
  BOOST_TEST(c.vote(c.preparing(1), 0, vote::no) ==
             "completed 1: aborted voted_no; arm rollback_retry 0; closed 1: aborted");
}

BOOST_AUTO_TEST_CASE(a_participant_that_never_answers_prepare_leads_to_abort_and_its_late_yes_to_rollback) {
  a_coordinator c;
  const auto id = c.preparing(2);
  c.vote(id, 0, vote::yes);
  BOOST_TEST(
      c.fire(timer_kind::prepare_deadline, id) ==
      "send p0 rollback 1.1.0; send p1 rollback 1.1.1; completed 1: aborted prepare_timeout; arm rollback_retry 0");
  BOOST_TEST(c.vote(id, 1, vote::yes) == "send p1 rollback 1.1.1");
}

BOOST_AUTO_TEST_CASE(cancel_in_preparing_rolls_back_before_it_completes) {
  a_coordinator c;
  BOOST_TEST(c.rollback(c.preparing(1), errc::cancelled) ==
             "send p0 rollback 1.1.0; completed 1: aborted cancelled; arm rollback_retry 0");
}

BOOST_AUTO_TEST_CASE(an_inquiry_is_answered_pending_never_abort) {
  a_coordinator c;
  const auto id = c.preparing(2);
  c.vote(id, 0, vote::yes);
  BOOST_TEST(c.inquire(id, 0) == "send p0 outcome 1.1.0 pending");
  BOOST_TEST(c.inquire(id, 1) == "send p1 outcome 1.1.1 pending");
}

BOOST_AUTO_TEST_CASE(votes_count_once_and_the_first_one_counts) {
  a_coordinator c;
  const auto id = c.preparing(2);
  BOOST_TEST(c.vote(id, 0, vote::yes) == "");
  for (const auto again : {vote::yes, vote::no, vote::read_only})
    BOOST_TEST(c.vote(id, 0, again) == "");
  BOOST_TEST(c.vote(id, 7, vote::no) == ""); // there is no such branch
  BOOST_TEST(c.vote(id, 1, vote::yes) == "force commit 1.1.0");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(deciding)

BOOST_AUTO_TEST_CASE(c1_nothing_is_sent_or_told_before_commit_is_forced) {
  a_coordinator c;
  const auto id = c.preparing(2);
  c.vote(id, 1, vote::yes);
  BOOST_TEST(c.vote(id, 0, vote::yes) == "force commit 1.1.0");
  BOOST_TEST(c.written(record_type::commit, {id, 0}) ==
             "completed 1: committed; send p0 commit 1.1.0; send p1 commit 1.1.1; arm commit_retry 0; arm stuck 0");
}

BOOST_AUTO_TEST_CASE(c3_the_record_lists_exactly_those_that_voted_yes) {
  a_coordinator c;
  const auto id = c.preparing(3);
  c.vote(id, 0, vote::yes);
  c.vote(id, 1, vote::read_only);
  c.vote(id, 2, vote::yes);
  const auto entry = log_entry::decode(only<force>(c.last).record);
  const std::vector<yes_branch> expected{{0, name_of(0), participant_log}, {2, name_of(2), participant_log}};
  BOOST_TEST_REQUIRE(entry.has_value());
  BOOST_TEST((entry->yes_branches() == expected));
  c.written(record_type::commit, {id, 0});
  BOOST_TEST(c.inquire(id, 0) == "send p0 outcome 1.1.0 commit");
  BOOST_TEST((only<send>(c.last).message.prepared_under() == participant_log));
  BOOST_TEST(c.inquire(id, 1) == "send p1 outcome 1.1.1 abort"); // it voted read-only and prepared again
  BOOST_TEST(c.inquire(id, 5) == "send p5 outcome 1.1.5 abort");
}

BOOST_AUTO_TEST_CASE(timers_and_cancellation_are_ignored) {
  a_coordinator c;
  const auto id = c.deciding(2);
  for (const auto kind :
       {timer_kind::lifetime, timer_kind::prepare_deadline, timer_kind::prepare_retry, timer_kind::commit_retry,
        timer_kind::rollback_retry, timer_kind::one_phase_deadline, timer_kind::stuck})
    BOOST_TEST(c.fire(kind, id) == "");
  BOOST_TEST(c.rollback(id, errc::cancelled) == "");
  BOOST_TEST(c.step(stop_requested()) == "");
  BOOST_TEST(c.vote(id, 0, vote::no) == "");
  BOOST_TEST(c.inquire(id) == "send p0 outcome 1.1.0 pending");
  BOOST_TEST(c.written(record_type::commit, {id, 0}).starts_with("completed 1: committed; "));
}

BOOST_AUTO_TEST_CASE(a_definite_refusal_of_the_log_aborts) {
  a_coordinator c;
  BOOST_TEST(c.written(record_type::commit, {c.deciding(2), 0}, log_outcome::definite) ==
             "send p0 rollback 1.1.0; send p1 rollback 1.1.1; completed 1: aborted log_refused; arm rollback_retry 0");
}

BOOST_AUTO_TEST_CASE(c2_read_only_votes_and_no_branches_write_nothing) {
  a_coordinator c;
  const auto id = c.preparing(2);
  BOOST_TEST(c.vote(id, 0, vote::read_only) == "");
  BOOST_TEST(c.vote(id, 1, vote::read_only) == "completed 1: committed; closed 1: committed");
  BOOST_TEST(c.commit(c.begin()) ==
             "arm prepare_deadline 0; arm prepare_retry 0; completed 2: committed; closed 2: committed");
  BOOST_TEST(c.core.list().empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(committing)

BOOST_AUTO_TEST_CASE(c5_commit_is_repeated_for_ever_with_a_growing_delay) {
  a_coordinator c;
  const auto id = c.committing(2);
  c.ack(id, 0);
  const auto before = c.core.fingerprint();
  for (int attempt = 1; attempt <= 1000; ++attempt) {
    BOOST_TEST(c.fire(timer_kind::commit_retry, id) ==
               fmt::format("send p1 commit 1.1.1; arm commit_retry {}", attempt));
    BOOST_TEST((c.core.fingerprint() == before)); // the number of attempts changes nothing
  }
  BOOST_TEST(c.core.list().front().attempts() == 1000u);
  BOOST_TEST((c.core.list().front().missing() == std::vector{name_of(1)}));
}

BOOST_AUTO_TEST_CASE(a_participant_that_does_not_answer_commit_is_reported) {
  a_coordinator c;
  const auto id = c.committing(1);
  BOOST_TEST(c.fire(timer_kind::stuck, id) == "alarm stuck");
  c.ack(id, 0);
  BOOST_TEST(c.fire(timer_kind::stuck, id) == "");
}

BOOST_AUTO_TEST_CASE(cancel_and_stop_do_not_touch_phase_two) {
  a_coordinator c;
  const auto id = c.committing(1);
  BOOST_TEST(c.rollback(id, errc::cancelled) == "");
  BOOST_TEST(c.step(stop_requested()) == "");
  BOOST_TEST(c.fire(timer_kind::commit_retry, id) == "send p0 commit 1.1.0; arm commit_retry 1");
  BOOST_TEST(c.ack(id, 0) == "append end; closed 1: committed");
}

BOOST_AUTO_TEST_CASE(a_late_yes_gets_commit_until_it_is_acknowledged) {
  a_coordinator c;
  const auto id = c.committing(2);
  BOOST_TEST(c.vote(id, 0, vote::yes) == "send p0 commit 1.1.0");
  c.ack(id, 0);
  BOOST_TEST(c.vote(id, 0, vote::yes) == "");
  BOOST_TEST(c.vote(id, 0, vote::no) == "");
}

BOOST_AUTO_TEST_CASE(only_an_ack_of_the_commit_counts) {
  a_coordinator c;
  const auto id = c.committing(2);
  BOOST_TEST(c.ack(id, 0, ack_kind::rolled_back) == "");
  BOOST_TEST(c.ack(id, 9) == "");
  BOOST_TEST(c.ack(id, 0) == "");
  BOOST_TEST(c.ack(id, 0) == "");
  BOOST_TEST(c.ack(id, 1) == "append end; closed 1: committed");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ended)

BOOST_AUTO_TEST_CASE(end_is_lazy_and_an_inquiry_is_answered_abort) {
  a_coordinator c;
  const auto id = c.committing(1);
  BOOST_TEST(c.ack(id, 0) == "append end; closed 1: committed");
  BOOST_TEST(c.inquire(id) == "send p0 outcome 1.1.0 abort");
  BOOST_TEST(c.vote(id, 0, vote::yes) == "send p0 rollback 1.1.0");
  BOOST_TEST(c.ack(id, 0) == "");
}

BOOST_AUTO_TEST_CASE(the_watermark_advances_for_each_participant) {
  a_coordinator c;
  BOOST_TEST((c.mark(0) == position(1, 1)));
  const auto one = c.active(1);
  BOOST_TEST((c.mark(9) == one.place())); // it may yet enlist anybody
  c.commit(one);
  BOOST_TEST((c.mark(0) == one.place()));
  BOOST_TEST((c.mark(9) == position(1, 2)));
  c.vote(one, 0, vote::yes);
  BOOST_TEST((c.mark(0) == one.place()));
  c.written(record_type::commit, {one, 0});
  BOOST_TEST((c.mark(0) == one.place()));
  c.ack(one, 0);
  BOOST_TEST((c.mark(0) == position(1, 2)));
}

BOOST_AUTO_TEST_CASE(l5_one_dead_participant_holds_only_its_own_watermark) {
  a_coordinator c;
  const auto dead = c.committing(2);
  c.ack(dead, 1); // p0 never answers
  for (int i = 0; i < 50; ++i) {
    const auto id = c.begin();
    c.enlist(id, 2);
    c.commit(id);
    c.vote(id, 0, vote::yes);
    c.written(record_type::commit, {id, 0});
    BOOST_TEST(c.ack(id, 0).starts_with("append end"));
  }
  BOOST_TEST((c.mark(0) == dead.place()));
  BOOST_TEST((c.mark(1) == dead.place())); // it was in the same transaction, and END is not written
  BOOST_TEST((c.mark(2) == position(1, 52)));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(aborting)

BOOST_AUTO_TEST_CASE(rollback_is_sent_a_few_times_and_then_forgotten) {
  a_coordinator c(coordinator_core_options().rollback_retries(2));
  const auto id = c.aborting(2);
  c.ack(id, 1, ack_kind::rolled_back);
  BOOST_TEST(c.fire(timer_kind::rollback_retry, id) == "send p0 rollback 1.1.0; arm rollback_retry 1");
  BOOST_TEST(c.fire(timer_kind::rollback_retry, id) == "send p0 rollback 1.1.0; arm rollback_retry 2");
  BOOST_TEST(c.fire(timer_kind::rollback_retry, id) == "closed 1: aborted");
  BOOST_TEST(c.fire(timer_kind::rollback_retry, id) == "");
}

BOOST_AUTO_TEST_CASE(answers_close_it_early) {
  a_coordinator c;
  const auto id = c.aborting(3);
  BOOST_TEST(c.ack(id, 0, ack_kind::rolled_back) == "");
  BOOST_TEST(c.vote(id, 1, vote::no) == ""); // its vote and ROLLBACK crossed
  BOOST_TEST(c.vote(id, 2, vote::read_only) == "closed 1: aborted");
}

BOOST_AUTO_TEST_CASE(late_votes_and_inquiries_are_told_abort) {
  a_coordinator c;
  const auto id = c.aborting(1);
  BOOST_TEST(c.vote(id, 0, vote::yes) == "send p0 rollback 1.1.0");
  BOOST_TEST(c.inquire(id) == "send p0 outcome 1.1.0 abort");
  BOOST_TEST(c.ack(id, 0, ack_kind::committed) == ""); // of no commit of ours
}

BOOST_AUTO_TEST_CASE(the_log_notes_aborts_only_if_asked) {
  a_coordinator silent;
  silent.aborting(1);
  BOOST_TEST(count<append>(silent.last) == 0u);
  a_coordinator noting(coordinator_core_options().log_aborts(true));
  BOOST_TEST(noting.rollback(noting.active(1)).starts_with("append abort; send p0 rollback"));
}

BOOST_AUTO_TEST_CASE(it_holds_no_watermark) {
  a_coordinator c;
  c.aborting(1);
  BOOST_TEST((c.mark(0) == position(1, 2)));
}

BOOST_AUTO_TEST_CASE(stop_refuses_new_ones_and_aborts_undecided_ones) {
  a_coordinator c;
  c.active(0);
  c.preparing(1);
  const auto deciding = c.deciding(1);
  BOOST_TEST(c.step(stop_requested()) == "completed 1: aborted stopping; arm rollback_retry 0; closed 1: aborted; "
                                         "send p0 rollback 1.2.0; completed 2: aborted stopping; arm rollback_retry 0");
  BOOST_TEST(c.step(begin_requested(1)) == "refused 1 stopping");
  BOOST_TEST(c.written(record_type::commit, {deciding, 0}).starts_with("completed 3: committed"));
  BOOST_TEST(c.ack(deciding, 0) == "append end; closed 3: committed");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
