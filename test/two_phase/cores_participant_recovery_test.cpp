// What a participant does after a crash, and what the watermark lets it forget: the right column of the table of its
// states, and its row "below watermark".
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {
namespace {

log_record prepared_record(const branch_id& id) {
  return log_entry(record_type::prepared, id).coordinator(shop).token({std::byte{7}}).encode();
}

log_record record(record_type type, const branch_id& id) { return log_entry(type, id).encode(); }

const branch_id first(tx(1), 0);

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_participant)

BOOST_AUTO_TEST_SUITE(after_a_crash)

BOOST_AUTO_TEST_CASE(before_prepared_is_forced_it_knows_nothing) {
  a_participant p;
  p.prepare();
  p.hook(hook_kind::prepare, hook_result::yes);
  BOOST_TEST(p.core.live_records().empty());
  a_participant after(p.core.live_records());
  BOOST_TEST(after.start == "");
  BOOST_TEST(after.prepare() == "run prepare 1.1.0");
}

BOOST_AUTO_TEST_CASE(prepared_reattaches_the_resource_and_inquires) {
  a_participant after({prepared_record(first)});
  BOOST_TEST(after.start == "reattach 1.1.0; send c inquire 1.1.0; arm inquiry 0");
  BOOST_TEST((only<reattach>(after.last).token == std::vector{std::byte{7}}));
  BOOST_TEST(after.prepare() == "send c vote 1.1.0 yes");
  BOOST_TEST(after.outcome(outcome_kind::commit) == "run commit 1.1.0");
}

BOOST_AUTO_TEST_CASE(committing_was_prepared_and_the_hook_runs_again) {
  a_participant p;
  p.prepared().commit();
  p.hook(hook_kind::commit, hook_result::done); // COMMITTED is being forced
  a_participant after(p.core.live_records());
  BOOST_TEST(after.start == "reattach 1.1.0; send c inquire 1.1.0; arm inquiry 0");
  BOOST_TEST(after.outcome(outcome_kind::commit) == "run commit 1.1.0");
}

BOOST_AUTO_TEST_CASE(committed_stays_committed) {
  a_participant after({prepared_record(first), record(record_type::committed, first)});
  BOOST_TEST(after.start == "");
  BOOST_TEST(after.commit() == "send c ack 1.1.0 committed");
  BOOST_TEST(after.prepare() == "");
  BOOST_TEST(after.rollback() == "");
}

BOOST_AUTO_TEST_CASE(rolling_back_may_be_prepared_again) {
  a_participant p;
  p.prepared().rollback();
  a_participant after(p.core.live_records());
  BOOST_TEST(after.start == "reattach 1.1.0; send c inquire 1.1.0; arm inquiry 0");
  BOOST_TEST(after.outcome(outcome_kind::abort) == "run rollback 1.1.0");
}

BOOST_AUTO_TEST_CASE(aborted_stays_aborted_if_its_lazy_record_was_written) {
  a_participant after({prepared_record(first), record(record_type::aborted, first)});
  BOOST_TEST(after.start == "");
  BOOST_TEST(after.rollback() == "send c ack 1.1.0 rolled_back");
}

BOOST_AUTO_TEST_CASE(refused_and_read_only_are_forgotten) {
  for (const auto result : {hook_result::no, hook_result::read_only}) {
    a_participant p;
    p.prepare();
    p.hook(hook_kind::prepare, result);
    BOOST_TEST(a_participant(p.core.live_records()).prepare() == "run prepare 1.1.0");
  }
}

BOOST_AUTO_TEST_CASE(a_branch_committed_in_one_phase_is_remembered) {
  a_participant p;
  p.one_phase();
  p.hook(hook_kind::commit_one_phase, hook_result::done);
  BOOST_TEST(p.core.live_records().empty());
  p.written(record_type::committed);
  a_participant after(p.core.live_records());
  BOOST_TEST(after.one_phase() == "send c done 1.1.0 committed");
}

BOOST_AUTO_TEST_CASE(an_ambiguous_write_stops_it_until_a_restart) {
  a_participant p;
  p.prepare(5);
  p.hook(hook_kind::prepare, hook_result::yes);
  BOOST_TEST(p.written(record_type::prepared, log_outcome::ambiguous) == "alarm log_poisoned");
  BOOST_TEST(p.written(record_type::prepared) == "");
  BOOST_TEST(p.prepare(6) == ""); // and the broker keeps it
  BOOST_TEST(p.commit() == "");
  BOOST_TEST(p.fire(timer_kind::inquiry) == "");
  BOOST_TEST(p.resolve(decision::committed) == "");
  BOOST_TEST(a_participant({prepared_record(first)}).phase() == "prepared"); // if it was written after all
}

BOOST_AUTO_TEST_CASE(messages_before_the_log_is_read_are_lost) {
  participant_core core(participant_name("p"));
  const auto prepare = message(message_kind::prepare, first).from(coordinator_log).sender(shop);
  BOOST_TEST(text(core.step(received(prepare, 5))) == "");
  BOOST_TEST(text(core.step(log_opened(participant_log, {prepared_record(first)}))) ==
             "reattach 1.1.0; send c inquire 1.1.0; arm inquiry 0");
  BOOST_TEST(text(core.step(log_opened(participant_log, {prepared_record(first)}))) == ""); // once
}

BOOST_AUTO_TEST_CASE(a_log_of_others_is_refused) {
  for (const auto& bad : {log_entry(record_type::commit, tx(1)).encode(), log_entry(record_type::epoch, tx(0)).encode(),
                          log_entry(record_type::end, tx(1)).encode(), log_entry(record_type::abort, tx(1)).encode(),
                          log_record(record_type::prepared, {}), log_record(static_cast<record_type>(99), {})}) {
    a_participant p({prepared_record(first), bad});
    BOOST_TEST(p.start == "alarm log_unreadable");
    BOOST_TEST(p.prepare(5) == "");
    BOOST_TEST(p.commit() == "");
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(below_watermark)

BOOST_AUTO_TEST_CASE(tombstones_are_dropped_and_the_mark_goes_to_the_log) {
  a_participant p;
  p.committed();
  BOOST_TEST(p.tell_mark({1, 1}) == ""); // not above it
  BOOST_TEST(p.phase() == "committed");
  BOOST_TEST(p.tell_mark({1, 2}) == "append watermark");
  BOOST_TEST(p.phase() == "unknown");
  BOOST_TEST(p.tell_mark({1, 2}) == "");
  BOOST_TEST(p.tell_mark({1, 9}) == ""); // nothing is dropped, so nothing is lost with the mark
}

BOOST_AUTO_TEST_CASE(late_copies_are_refused_or_acknowledged) {
  a_participant p;
  p.committed().tell_mark({1, 2});
  BOOST_TEST(p.prepare(5) == "send c vote 1.1.0 no stale: the transaction is over; acknowledge 5");
  BOOST_TEST(p.commit(6) == "send c ack 1.1.0 committed; acknowledge 6");
  BOOST_TEST(p.rollback(7) == "send c ack 1.1.0 rolled_back; acknowledge 7");
  BOOST_TEST(p.phase() == "unknown");
}

BOOST_AUTO_TEST_CASE(a_mark_that_falls_is_ignored) {
  a_participant p;
  p.tell_mark({2, 5});
  p.tell_mark({2, 1});
  p.tell_mark({1, 900});
  p.id = {tx(4, 2), 0};
  BOOST_TEST(p.prepare() == "send c vote 2.4.0 no stale: the transaction is over");
  p.id = {tx(5, 2), 0};
  BOOST_TEST(p.prepare() == "run prepare 2.5.0");
}

BOOST_AUTO_TEST_CASE(the_mark_survives_a_crash_with_what_it_dropped) {
  a_participant p;
  p.committed().tell_mark({1, 2});
  const auto mark = only<append>(p.last).record;
  a_participant logged({prepared_record(first), record(record_type::committed, first), mark});
  BOOST_TEST(logged.phase() == "unknown");
  BOOST_TEST(logged.prepare().starts_with("send c vote 1.1.0 no stale"));
  // The record of the mark is lazy. Without it the tombstone is still there.
  a_participant lost({prepared_record(first), record(record_type::committed, first)});
  BOOST_TEST(lost.prepare() == "");
  a_participant compacted(p.core.live_records());
  BOOST_TEST(compacted.prepare().starts_with("send c vote 1.1.0 no stale"));
}

BOOST_AUTO_TEST_CASE(what_is_not_finished_is_kept) {
  a_participant p;
  p.prepared();
  BOOST_TEST(p.tell_mark({1, 2}) == "");
  BOOST_TEST(p.phase() == "prepared");
  BOOST_TEST(p.rollback() == "run rollback 1.1.0");
  BOOST_TEST(p.hook(hook_kind::rollback, hook_result::done) ==
             "append aborted; send c ack 1.1.0 rolled_back; append watermark");
  BOOST_TEST(p.phase() == "unknown");
}

BOOST_AUTO_TEST_CASE(each_coordinator_has_its_own_mark) {
  a_participant p;
  p.committed();
  const txid other(foreign_log, 1, 1);
  const auto what = message(message_kind::forget, {other, 0}).from(foreign_log).sender(shop).low_water({9, 9});
  BOOST_TEST(p.step(received(what)) == "");
  BOOST_TEST(p.phase() == "committed");
  BOOST_TEST(p.prepare() == "");
  p.id = {tx(2), 0};
  BOOST_TEST(p.prepare() == "run prepare 1.2.0");
}

BOOST_AUTO_TEST_CASE(s16_memory_and_log_are_bounded_while_few_are_open) {
  a_participant p;
  for (std::uint64_t seq = 1; seq <= 500; ++seq) {
    p.id = {tx(seq), 0};
    p.tell_mark({1, seq});
    p.committed();
    BOOST_TEST_REQUIRE(p.core.list().size() == 1u);
    BOOST_TEST_REQUIRE(p.core.live_records().size() <= 2u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
