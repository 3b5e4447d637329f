// Orphans: what a resource holds prepared and nobody will ever decide (P, A, T, Q).
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

namespace cores_test {

BOOST_AUTO_TEST_SUITE(two_phase_sweep)

BOOST_AUTO_TEST_CASE(a_coordinator_spares_what_is_not_its_own_or_not_over) {
  a_coordinator c({}, {log_entry(record_type::epoch, tx(0)).encode()});
  const branch_id earlier(tx(44), 3);
  const branch_id ended(c.committing(1), 0);
  c.ack(ended.transaction(), 0);
  const std::vector<branch_id> spared{{c.active(1), 0},     {c.preparing(1), 0},         {c.deciding(1), 0},
                                      {c.committing(1), 0}, {c.aborting(1), 0},          {tx(999, 2), 0},
                                      {tx(1, 3), 0},        {txid(foreign_log, 1, 1), 0}};
  auto held = spared;
  held.push_back(earlier);
  held.push_back(ended);
  BOOST_TEST(c.step(sweep_due("bank")) == "list bank");
  BOOST_TEST(c.step(in_doubt_listed("bank", held)) == "list bank");
  BOOST_TEST(c.step(in_doubt_listed("bank", held)) == "orphan bank 1.44.3; orphan bank 2.1.0");
  c.step(sweep_due("bank"));
  BOOST_TEST(c.step(in_doubt_listed("bank", spared)) == ""); // no second list for nothing
}

BOOST_AUTO_TEST_CASE(what_is_finished_between_the_two_lists_is_left_alone) {
  a_coordinator c({}, {log_entry(record_type::epoch, tx(0)).encode()});
  const branch_id one(tx(1), 0);
  const branch_id two(tx(2), 0);
  c.step(sweep_due("bank"));
  BOOST_TEST(c.step(in_doubt_listed("bank", {one})) == "list bank");
  BOOST_TEST(c.step(in_doubt_listed("bank", {two})) == ""); // two was not in the first
  BOOST_TEST(c.step(in_doubt_listed("bank", {one})) == ""); // nobody asked
}

BOOST_AUTO_TEST_CASE(what_begins_after_the_first_list_is_no_orphan) {
  a_coordinator c;
  c.step(sweep_due("bank"));
  const branch_id begun(c.preparing(1), 0);
  BOOST_TEST(c.step(in_doubt_listed("bank", {begun})) == "");
}

BOOST_AUTO_TEST_CASE(resources_are_swept_independently_and_a_sweep_can_start_again) {
  a_coordinator c({}, {log_entry(record_type::epoch, tx(0)).encode()});
  const branch_id one(tx(1), 0);
  c.step(sweep_due("bank"));
  c.step(sweep_due("shop"));
  BOOST_TEST(c.step(in_doubt_listed("shop", {one})) == "list shop");
  BOOST_TEST(c.step(in_doubt_listed("bank", {one})) == "list bank");
  BOOST_TEST(c.step(sweep_due("bank")) == "list bank"); // the answer was lost
  BOOST_TEST(c.step(in_doubt_listed("bank", {one})) == "list bank");
  BOOST_TEST(c.step(in_doubt_listed("bank", {one})) == "orphan bank 1.1.0");
  BOOST_TEST(c.step(in_doubt_listed("shop", {})) == "");
}

BOOST_AUTO_TEST_CASE(it_sweeps_only_while_it_runs) {
  coordinator_core core(shop);
  BOOST_TEST(text(core.step(sweep_due("bank"))) == "");
  core.step(log_opened(coordinator_log, {}));
  BOOST_TEST(text(core.step(sweep_due("bank"))) == "");
  BOOST_TEST(text(core.step(in_doubt_listed("bank", {{tx(1), 0}}))) == "");
}

BOOST_AUTO_TEST_CASE(a_participant_sweeps_what_its_table_does_not_know) {
  a_participant p;
  p.prepared();
  const branch_id lost(tx(2), 0);
  BOOST_TEST(p.step(sweep_due("bank")) == "list bank");
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id, lost})) == "list bank");
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id, lost})) == "orphan bank 1.2.0");
}

BOOST_AUTO_TEST_CASE(a_branch_that_is_prepared_again_between_the_two_lists_is_no_orphan) {
  a_participant p;
  p.step(sweep_due("bank"));
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id})) == "list bank");
  p.prepared();
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id})) == "");
}

BOOST_AUTO_TEST_CASE(a_swept_branch_is_refused_until_the_mark_passes_it) {
  a_participant p;
  p.step(sweep_due("bank"));
  p.step(in_doubt_listed("bank", {p.id}));
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id})) == "orphan bank 1.1.0");
  BOOST_TEST(p.prepare(5).starts_with("send c vote 1.1.0 no swept"));
  p.step(sweep_due("bank")); // the resource failed to roll it back
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id})) == "list bank");
  BOOST_TEST(p.step(in_doubt_listed("bank", {p.id})) == "orphan bank 1.1.0");
  p.tell_mark({1, 2});
  BOOST_TEST(p.phase() == "unknown");
  BOOST_TEST(p.prepare(6).starts_with("send c vote 1.1.0 no stale"));
}

BOOST_AUTO_TEST_CASE(s16_a_sweep_leaves_no_trace) {
  a_coordinator c({}, {log_entry(record_type::epoch, tx(0)).encode()});
  const auto before = c.core.fingerprint();
  c.step(sweep_due("bank"));
  BOOST_TEST((c.core.fingerprint() != before)); // it decides what the next list leads to
  c.step(in_doubt_listed("bank", {{tx(1), 0}}));
  c.step(in_doubt_listed("bank", {{tx(1), 0}}));
  BOOST_TEST((c.core.fingerprint() == before));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
