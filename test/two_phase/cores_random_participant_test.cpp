// Random programs against the participant: any message at any time, each twice, also from coordinators that contradict
// themselves, hooks and logs that fail, crashes and compactions.
// SPDX-License-Identifier: BSL-1.0
#include "cores_support.hpp"

#include <map>
#include <set>

namespace cores_test {
namespace {

#ifdef __OPTIMIZE__
constexpr int seeds = 60;
#else
constexpr int seeds = 30; // half a minute with sanitizers
#endif
constexpr int events_of_a_program = 600;

/// A participant with a log that may crash, and what it has promised so far, over all its lives.
class program {
public:
  explicit program(std::uint64_t seed) : random_(seed) { start(); }

  void event() {
    const auto kind = pick(16);
    if (kind < 3) return write();
    if (kind < 6) return finish_a_hook();
    if (kind == 6)
      return take(timer_fired(timer_id(pick(3) ? timer_kind::hook_retry : timer_kind::inquiry, any_branch())));
    if (kind == 7 && pick(6) == 0)
      return take(resolve_requested(any_branch(), static_cast<decision>(pick(5)), "root", 1));
    if (kind == 8 && pick(6) == 0) return take(forget_requested(any_branch()));
    if (kind == 9 && pick(poisoned_ ? 4 : 20) == 0) return crash();
    receive_twice();
  }

  /// What restarts from a compacted log answers everything as what restarts from the whole log does.
  void compare_with_compacted() const {
    auto all = durable_;
    all.insert(all.end(), lazy_.begin(), lazy_.end());
    a_participant from_all(all);
    a_participant from_live(core_.live_records());
    // Marks that dropped nothing are not in the whole log: both are told the highest one.
    from_all.tell_mark(mark_);
    from_live.tell_mark(mark_);
    for (std::uint64_t seq = 0; seq <= highest_; ++seq)
      for (std::uint32_t branch = 0; branch < 2; ++branch) {
        from_all.id = from_live.id = {tx(seq), branch};
        BOOST_TEST_REQUIRE(from_all.phase() == from_live.phase());
        auto all_copy = from_all;
        auto live_copy = from_live;
        BOOST_TEST_REQUIRE(all_copy.prepare() == live_copy.prepare());
        BOOST_TEST_REQUIRE(all_copy.commit() == live_copy.commit());
        BOOST_TEST_REQUIRE(from_all.rollback() == from_live.rollback());
      }
  }

  bool poisoned() const { return poisoned_; }
  std::size_t committed() const { return committed_.size(); }
  std::size_t acknowledged() const { return acknowledged_.size(); }

private:
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  branch_id any_branch() {
    if (pick(12) == 0) ++highest_;
    return {tx(highest_ - pick(std::min<std::uint32_t>(static_cast<std::uint32_t>(highest_), 5))), pick(2)};
  }

  message any_message() {
    message what(static_cast<message_kind>(pick(11)), any_branch());
    if (pick(3) == 0) what = message(message_kind::prepare, any_branch());
    what.from(pick(20) ? coordinator_log : foreign_log).sender(shop).payload({std::byte{1}});
    what.prepared_under(pick(20) ? participant_log : foreign_log).outcome(static_cast<outcome_kind>(pick(5)));
    if (pick(10) == 0 && highest_ > 6) what.low_water({1, highest_ - 6});
    return what;
  }

  void receive_twice() {
    const auto what = any_message();
    if (what.from() == coordinator_log && !poisoned_) mark_ = std::max(mark_, what.low_water());
    const std::uint64_t delivery = pick(2) ? ++deliveries_ : 0;
    take(received(what, delivery));
    const auto before = core_.fingerprint();
    take(received(what));
    BOOST_TEST_REQUIRE((core_.fingerprint() == before));
    BOOST_TEST_REQUIRE(count<force>(last_) + count<append>(last_) + count<run_hook>(last_) == 0u);
  }

  void finish_a_hook() {
    if (hooks_.empty()) return;
    const auto next = std::next(hooks_.begin(), pick(static_cast<std::uint32_t>(hooks_.size())));
    const auto [id, hook] = *next;
    hooks_.erase(next);
    auto result = pick(4) == 0 ? hook_result::failed : hook_result::done;
    if (hook == hook_kind::prepare) result = pick(6) ? hook_result::yes : static_cast<hook_result>(pick(3));
    if (hook == hook_kind::commit_one_phase && pick(4) == 0) result = hook_result::no;
    const bool commits = hook == hook_kind::commit || hook == hook_kind::commit_one_phase;
    if (commits && result == hook_result::done) committed_.insert(id);
    if (hook == hook_kind::rollback && result == hook_result::done) rolled_back_.insert(id);
    take(hook_finished(hook, id, result, {std::byte{4}}, "why"));
  }

  void write() {
    if (pending_.empty()) return;
    const auto [id, record] = *pending_.begin();
    pending_.erase(pending_.begin());
    const auto roll = pick(200);
    const auto outcome = roll == 0 ? log_outcome::ambiguous : roll < 15 ? log_outcome::definite : log_outcome::ok;
    if (outcome == log_outcome::ok || (outcome == log_outcome::ambiguous && pick(2))) made_durable(id, record);
    poisoned_ = poisoned_ || outcome == log_outcome::ambiguous;
    take(log_written(id, outcome));
  }

  void made_durable(const write_id& id, const log_record& record) {
    durable_.insert(durable_.end(), lazy_.begin(), lazy_.end());
    lazy_.clear();
    durable_.push_back(record);
    ever_durable_.insert(id);
  }

  void crash() {
    while (!lazy_.empty() && pick(2))
      lazy_.pop_back();
    durable_.insert(durable_.end(), lazy_.begin(), lazy_.end());
    lazy_.clear();
    pending_.clear();
    hooks_.clear();
    poisoned_ = false;
    // What hooks have done and no record tells may be done again, or undone.
    rolled_back_.clear();
    std::erase_if(committed_, [this](const branch_id& id) {
      return !ever_durable_.contains(write_id(record_type::committed, id)) &&
             !ever_durable_.contains(write_id(record_type::heuristic, id));
    });
    start();
  }

  void start() {
    core_ = participant_core(participant_name("p"));
    take(log_opened(participant_log, durable_));
  }

  void take(const participant_event& event) {
    last_ = core_.step(event);
    for (const auto& each : last_)
      std::visit([this](const auto& what) { check(what); }, each);
    if (pick(50) == 0 && !poisoned_) compact();
  }

  void compact() {
    durable_ = core_.live_records();
    lazy_.clear();
  }

  void check(const force& what) {
    BOOST_TEST_REQUIRE(!poisoned_);
    BOOST_TEST_REQUIRE(pending_.emplace(what.write, what.record).second); // one write with a name at a time
  }

  void check(const append& what) {
    BOOST_TEST_REQUIRE(!poisoned_);
    lazy_.push_back(what.record);
  }

  void check(const run_hook& what) {
    BOOST_TEST_REQUIRE(hooks_.emplace(what.branch, what.hook).second); // one hook of a branch at a time
    const bool commits = what.hook == hook_kind::commit || what.hook == hook_kind::commit_one_phase;
    if (commits) BOOST_TEST_REQUIRE(!rolled_back_.contains(what.branch));                        // S14
    if (what.hook == hook_kind::rollback) BOOST_TEST_REQUIRE(!committed_.contains(what.branch)); // S14
    if (what.hook == hook_kind::prepare) BOOST_TEST_REQUIRE(!committed_.contains(what.branch));  // S5
  }

  void check(const send& what) {
    BOOST_TEST_REQUIRE(!poisoned_);
    const auto& id = what.message.branch();
    const auto& kind = what.message.kind();
    const auto durable = [&](record_type type) { return ever_durable_.contains(write_id(type, id)); };
    if (kind == message_kind::vote && what.message.vote() == vote::yes)
      BOOST_TEST_REQUIRE(durable(record_type::prepared)); // S7
    if (kind == message_kind::ack && what.message.ack() == ack_kind::committed)
      BOOST_TEST_REQUIRE((durable(record_type::committed) || id.transaction().place() < mark_)); // S7
    if (kind == message_kind::done && what.message.decision() == decision::committed)
      BOOST_TEST_REQUIRE(durable(record_type::committed));
  }

  void check(const acknowledge& what) {
    BOOST_TEST_REQUIRE(what.delivery <= deliveries_);
    BOOST_TEST_REQUIRE(acknowledged_.insert(what.delivery).second); // once
  }

  template <class Other>
  void check(const Other&) {}

  std::mt19937_64 random_;
  participant_core core_{participant_name("p")};
  std::vector<action> last_;
  std::vector<log_record> durable_;
  std::vector<log_record> lazy_;
  std::map<write_id, log_record> pending_;
  std::map<branch_id, hook_kind> hooks_;
  std::set<write_id> ever_durable_;
  std::set<branch_id> committed_;
  std::set<branch_id> rolled_back_;
  std::set<std::uint64_t> acknowledged_;
  std::uint64_t deliveries_ = 0;
  std::uint64_t highest_ = 1;
  position mark_;
  bool poisoned_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_random)

BOOST_AUTO_TEST_CASE(a_participant_never_breaks_its_word_whatever_it_is_told) {
  std::size_t committed = 0;
  std::size_t acknowledged = 0;
  int poisoned = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      program run(seed);
      for (int i = 0; i < events_of_a_program; ++i) {
        run.event();
        if (i % 20 == 0 && !run.poisoned()) run.compare_with_compacted();
      }
      committed += run.committed();
      acknowledged += run.acknowledged();
      poisoned += run.poisoned();
    }
  // The programs get somewhere.
  BOOST_TEST(committed > 5u * seeds);
  BOOST_TEST(acknowledged > 50u * seeds);
  BOOST_TEST(poisoned > 0);
  BOOST_TEST(poisoned < seeds);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
