// fingerprint(): equal where the future is equal, different where it is not, and without anything that only counts.
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

#include <set>

namespace cores_test {

BOOST_AUTO_TEST_SUITE(two_phase_fingerprint)

BOOST_AUTO_TEST_CASE(every_state_of_a_transaction_differs) {
  std::set<std::vector<std::byte>> seen;
  const auto add = [&seen](const a_coordinator& c) { BOOST_TEST(seen.insert(c.core.fingerprint()).second); };
  a_coordinator c;
  add(c);
  const auto id = c.begin();
  add(c);
  c.enlist(id, 0);
  add(c);
  c.enlist(id, 1);
  add(c);
  c.commit(id);
  add(c);
  auto other = c;
  c.vote(id, 0, vote::yes);
  add(c);
  other.vote(id, 0, vote::read_only);
  add(other);
  c.vote(id, 1, vote::yes);
  add(c);
  c.written(record_type::commit, {id, 0});
  add(c);
  auto resolving = c;
  resolving.step(resolve_requested({id, 0}, decision::aborted, "root", 1));
  add(resolving);
  c.ack(id, 0);
  add(c);
  c.ack(id, 1);
  add(c);
  c.step(stop_requested());
  add(c);
}

BOOST_AUTO_TEST_CASE(every_state_of_a_branch_differs) {
  std::set<std::vector<std::byte>> seen;
  const auto add = [&seen](const a_participant& p) { BOOST_TEST(seen.insert(p.core.fingerprint()).second); };
  a_participant p;
  add(p);
  p.prepare();
  add(p);
  auto doomed = p;
  doomed.rollback();
  add(doomed);
  for (const auto result : {hook_result::no, hook_result::read_only}) {
    auto voted = p;
    voted.hook(hook_kind::prepare, result);
    add(voted);
  }
  p.hook(hook_kind::prepare, hook_result::yes);
  add(p);
  p.written(record_type::prepared);
  add(p);
  auto aborting = p;
  aborting.rollback();
  add(aborting);
  aborting.hook(hook_kind::rollback, hook_result::done);
  add(aborting);
  auto resolving = p;
  resolving.resolve(decision::committed);
  add(resolving);
  resolving.written(record_type::heuristic);
  add(resolving);
  resolving.hook(hook_kind::commit, hook_result::done);
  add(resolving);
  p.commit();
  add(p);
  p.hook(hook_kind::commit, hook_result::failed);
  add(p);
  p.fire(timer_kind::hook_retry);
  p.hook(hook_kind::commit, hook_result::done);
  add(p);
  p.written(record_type::committed);
  add(p);
  p.tell_mark({1, 2});
  add(p);
}

BOOST_AUTO_TEST_CASE(what_only_counts_is_not_in_it) {
  a_coordinator c;
  const auto id = c.preparing(1);
  const auto asked = c.core.fingerprint();
  c.fire(timer_kind::prepare_retry, id);
  BOOST_TEST((c.core.fingerprint() == asked));
  c.vote(id, 0, vote::yes);
  c.written(record_type::commit, {id, 0});
  const auto decided = c.core.fingerprint();
  c.fire(timer_kind::commit_retry, id);
  c.fire(timer_kind::stuck, id);
  c.inquire(id);
  BOOST_TEST((c.core.fingerprint() == decided));
  a_participant p;
  p.prepared();
  const auto in_doubt = p.core.fingerprint();
  p.fire(timer_kind::inquiry);
  p.prepare(5);
  p.outcome(outcome_kind::pending);
  BOOST_TEST((p.core.fingerprint() == in_doubt));
}

BOOST_AUTO_TEST_CASE(the_number_of_rollbacks_is_in_it_since_it_ends_the_transaction) {
  a_coordinator c(coordinator_core_options().rollback_retries(1));
  const auto id = c.aborting(1);
  const auto before = c.core.fingerprint();
  c.fire(timer_kind::rollback_retry, id);
  BOOST_TEST((c.core.fingerprint() != before));
}

BOOST_AUTO_TEST_CASE(different_ways_to_the_same_state_are_equal) {
  a_coordinator one;
  const auto id = one.preparing(2);
  auto two = one;
  one.vote(id, 0, vote::yes);
  one.vote(id, 1, vote::read_only);
  two.fire(timer_kind::prepare_retry, id);
  two.vote(id, 1, vote::read_only);
  two.vote(id, 1, vote::yes);
  two.vote(id, 0, vote::yes);
  BOOST_TEST((one.core.fingerprint() == two.core.fingerprint()));
}

BOOST_AUTO_TEST_CASE(copies_are_independent) {
  a_coordinator one;
  const auto copy = one;
  const auto before = copy.core.fingerprint();
  one.preparing(1);
  BOOST_TEST((copy.core.fingerprint() == before));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
