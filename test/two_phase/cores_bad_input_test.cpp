// Messages that make no sense, and answers that nobody asked for: nothing happens, and the broker may drop them.
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {
namespace {

constexpr auto most = std::numeric_limits<std::uint64_t>::max();
const txid highest(coordinator_log, most, most);

/// Everything that a message can have, although its kind has no use for it.
message overloaded_with_members(message what) {
  what.from(coordinator_log).sender(shop).payload({std::byte{1}}).reason("why").prepared_under(participant_log);
  return what.vote(vote::yes).ack(ack_kind::committed).decision(decision::committed);
}

constexpr message_kind of_coordinators[] = {message_kind::prepare,          message_kind::commit,
                                            message_kind::rollback,         message_kind::outcome,
                                            message_kind::commit_one_phase, message_kind::forget};
constexpr message_kind of_participants[] = {message_kind::vote, message_kind::ack, message_kind::inquire,
                                            message_kind::done};

std::vector<a_participant> participants_in_every_state() {
  std::vector<a_participant> result(11);
  result[1].prepare();
  result[2].prepare();
  result[2].hook(hook_kind::prepare, hook_result::yes);
  result[3].prepared();
  result[4].prepared().commit();
  result[5].prepared().commit();
  result[5].hook(hook_kind::commit, hook_result::done);
  result[6].committed();
  result[7].prepared().rollback();
  result[8].aborted();
  result[9].prepared().resolve(decision::committed);
  result[10].heuristic(decision::committed);
  return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_bad_input)

BOOST_AUTO_TEST_CASE(messages_to_the_wrong_side) {
  a_coordinator c;
  const auto id = c.committing(1);
  for (const auto kind : of_coordinators) {
    const auto before = c.core.fingerprint();
    BOOST_TEST(c.step(received(overloaded_with_members(message(kind, {id, 0})), 5)) == "acknowledge 5");
    BOOST_TEST((c.core.fingerprint() == before));
  }
  for (auto& p : participants_in_every_state())
    for (const auto kind : of_participants) {
      const auto before = p.core.fingerprint();
      BOOST_TEST(p.step(received(overloaded_with_members(message(kind, p.id)), 5)) == "acknowledge 5");
      BOOST_TEST((p.core.fingerprint() == before));
    }
}

BOOST_AUTO_TEST_CASE(kinds_that_do_not_exist) {
  a_coordinator c;
  const auto id = c.committing(1);
  a_participant p;
  p.prepared();
  for (int kind = 10; kind < 256; ++kind) {
    const auto what = message(static_cast<message_kind>(kind), {id, 0}).from(coordinator_log);
    BOOST_TEST(c.step(received(what, 5)) == "acknowledge 5");
    BOOST_TEST(p.step(received(what, 5)) == "acknowledge 5");
  }
  BOOST_TEST(p.phase() == "prepared");
}

BOOST_AUTO_TEST_CASE(values_that_do_not_exist) {
  a_coordinator c;
  const auto preparing = c.preparing(1);
  const auto committing = c.committing(1);
  a_participant p;
  p.prepared();
  for (int value = 5; value < 256; ++value) {
    BOOST_TEST(c.vote(preparing, 0, static_cast<vote>(value)) == ""); // not taken for a read-only vote
    BOOST_TEST(c.ack(committing, 0, static_cast<ack_kind>(value)) == "");
    BOOST_TEST(p.outcome(static_cast<outcome_kind>(value)) == "");
  }
  BOOST_TEST(p.phase() == "prepared");
  BOOST_TEST(c.vote(preparing, 0, vote::yes) == "force commit 1.1.0");
}

BOOST_AUTO_TEST_CASE(members_that_a_kind_does_not_have_change_nothing) {
  for (const auto kind : {message_kind::commit, message_kind::rollback, message_kind::prepare}) {
    a_participant plain;
    plain.prepared();
    auto loaded = plain;
    const auto what = message(kind, plain.id).from(coordinator_log).sender(shop).prepared_under(participant_log);
    BOOST_TEST(plain.step(received(what)) == loaded.step(received(overloaded_with_members(what))));
    BOOST_TEST((plain.core.fingerprint() == loaded.core.fingerprint()));
  }
}

BOOST_AUTO_TEST_CASE(transactions_that_nobody_knows) {
  a_coordinator c;
  c.committing(1);
  const auto before = c.core.fingerprint();
  for (const auto& id : {tx(9), tx(1, 9), txid(foreign_log, 1, 1), txid(), highest}) {
    for (const auto kind : of_participants) {
      const auto answer = c.receive(overloaded_with_members(message(kind, {id, 0})));
      const bool inquiry = kind == message_kind::inquire;
      BOOST_TEST(answer == (inquiry ? fmt::format("send p0 outcome {} not_mine", text(branch_id(id, 0))) : ""));
    }
    BOOST_TEST(c.commit(id) == "refused 3 unknown_transaction");
    BOOST_TEST(c.enlist(id, 0) == "refused 2 unknown_transaction");
    BOOST_TEST(c.rollback(id) == "");
    BOOST_TEST((c.core.query(id) == decision::unknown));
    BOOST_TEST(c.step(resolve_requested({id, 0}, decision::committed, "root", 1)) == "resolved unknown_transaction");
    for (int kind = 0; kind < 256; ++kind)
      BOOST_TEST(c.fire(static_cast<timer_kind>(kind), id) == "");
    for (int type = 0; type < 256; ++type)
      BOOST_TEST(c.written(static_cast<record_type>(type), {id, 0}) == "");
  }
  BOOST_TEST((c.core.fingerprint() == before));
}

BOOST_AUTO_TEST_CASE(huge_numbers) {
  a_participant p;
  p.id = {highest, 0xffffffff};
  BOOST_TEST(p.prepare(most) == fmt::format("run prepare {}", text(p.id)));
  p.hook(hook_kind::prepare, hook_result::yes);
  BOOST_TEST(p.written(record_type::prepared) ==
             fmt::format("send c vote {} yes; acknowledge {}; arm inquiry 0", text(p.id), most));
  BOOST_TEST(p.tell_mark({most, most}) == "");
  a_participant after(p.core.live_records());
  after.id = p.id;
  BOOST_TEST(after.phase() == "prepared");
  after.commit();
  after.hook(hook_kind::commit, hook_result::done);
  BOOST_TEST(after.written(record_type::committed) == fmt::format("send c ack {} committed", text(p.id)));
  after.id = {tx(1), 0};
  BOOST_TEST(after.prepare().starts_with("send c vote 1.1.0 no stale"));
}

BOOST_AUTO_TEST_CASE(hooks_that_do_not_run) {
  for (auto& p : participants_in_every_state()) {
    const auto phase = p.phase();
    const bool preparing = phase == "preparing";
    for (const auto hook : {hook_kind::prepare, hook_kind::commit, hook_kind::rollback, hook_kind::commit_one_phase}) {
      const bool runs = (preparing && hook == hook_kind::prepare) ||
                        (phase == "committing" && hook == hook_kind::commit) ||
                        (phase == "rolling_back" && hook == hook_kind::rollback);
      if (!runs) BOOST_TEST(p.hook(hook, hook_result::done) == "", phase);
    }
    BOOST_TEST(p.step(hook_finished(hook_kind::commit, {tx(8), 0}, hook_result::done)) == "");
    BOOST_TEST(p.phase() == phase);
  }
}

BOOST_AUTO_TEST_CASE(writes_and_timers_that_nobody_waits_for) {
  for (auto& p : participants_in_every_state()) {
    const auto before = p.core.fingerprint();
    const auto phase = p.phase();
    const bool writes = phase == "forcing_prepared" || phase == "forcing_committed" || phase == "resolving";
    for (int type = 0; type < 256 && !writes; ++type)
      BOOST_TEST(p.written(static_cast<record_type>(type)) == "", phase);
    for (const auto kind :
         {timer_kind::lifetime, timer_kind::prepare_deadline, timer_kind::prepare_retry, timer_kind::commit_retry,
          timer_kind::rollback_retry, timer_kind::one_phase_deadline, timer_kind::stuck, timer_kind::hook_retry})
      BOOST_TEST(p.fire(kind) == "", phase);
    BOOST_TEST((p.core.fingerprint() == before));
  }
}

BOOST_AUTO_TEST_CASE(requests_about_unknown_branches) {
  a_participant p;
  BOOST_TEST(p.resolve(decision::committed) == "resolved unknown_transaction");
  BOOST_TEST(p.step(forget_requested(p.id)) == "resolved unknown_transaction");
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id})) == ""); // nobody asked
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
