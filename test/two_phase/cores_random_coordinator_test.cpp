// Random programs against the coordinator: any message at any time, each twice, logs that fail, crashes and
// compactions. Whatever it is told, it must not contradict itself.
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
constexpr std::uint64_t begin_request = 100;

/// A coordinator with a log that may crash, and what it has promised so far, over all its lives.
class program {
public:
  explicit program(std::uint64_t seed) : random_(seed) { start(); }

  void event() {
    switch (pick(16)) {
    case 0:
      return pick(2) ? take(begin_requested(begin_request)) : begin_and_commit();
    case 1:
      return take(enlist_requested(1, any_tx(), name_of(pick(3)), {}, pick(4) == 0));
    case 2:
      return take(commit_requested(1, any_tx()));
    case 4:
      return pick(4) == 0 ? take(rollback_requested(any_tx(), errc::cancelled)) : any_timer();
    case 5:
      return pick(4) == 0 ? take(resolve_requested(any_branch(), any_decision(), "root", 1)) : any_timer();
    case 6:
    case 7:
    case 8:
      return write();
    case 9:
      return pick(poisoned_ ? 4 : 40) == 0 ? crash() : any_timer();
    default:
      return receive_twice();
    }
  }

  void compare_with_compacted() const {
    auto all = durable_;
    all.insert(all.end(), lazy_.begin(), lazy_.end());
    a_coordinator from_all({}, all);
    a_coordinator from_live({}, core_.live_records());
    BOOST_TEST_REQUIRE(from_all.start == from_live.start);
    for (const auto& id : begun_)
      for (std::uint32_t branch = 0; branch < 3; ++branch)
        BOOST_TEST_REQUIRE(from_all.inquire(id, branch) == from_live.inquire(id, branch));
    for (const auto& id : begun_) {
      const auto exact = from_all.core.query(id);
      const auto known = from_live.core.query(id);
      BOOST_TEST_REQUIRE((known == exact || known == decision::unknown));
      if (durable_commits_.contains(id)) BOOST_TEST_REQUIRE((known != decision::aborted));
    }
  }

  bool poisoned() const { return poisoned_; }
  std::size_t committed() const { return durable_commits_.size(); }

private:
  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }

  txid any_tx() {
    if (begun_.empty() || pick(20) == 0) return {pick(2) ? coordinator_log : foreign_log, pick(4), pick(6)};
    const auto recent = std::min<std::size_t>(begun_.size(), 4);
    return begun_[begun_.size() - 1 - pick(static_cast<std::uint32_t>(recent))];
  }

  branch_id any_branch() { return {any_tx(), pick(8) ? pick(2) : 2}; }
  decision any_decision() { return static_cast<decision>(pick(5)); }

  void begin_and_commit() {
    take(begin_requested(begin_request));
    if (poisoned_) return;
    const auto id = begun_.back();
    for (auto branches = 1 + pick(2); branches > 0; --branches)
      take(enlist_requested(1, id, name_of(pick(3))));
    take(commit_requested(1, id));
  }

  void any_timer() {
    const auto kind = static_cast<timer_kind>(pick(9));
    // Deadlines would end most transactions before anything happens.
    const bool deadline = kind == timer_kind::lifetime || kind == timer_kind::prepare_deadline;
    if (!deadline || pick(8) == 0) take(timer_fired(timer_id(kind, {any_tx(), 0})));
  }

  void receive_twice() {
    const branch_id id = any_branch();
    const auto useful = pick(2) ? message_kind::vote : message_kind::ack;
    message what(pick(3) ? useful : static_cast<message_kind>(pick(11)), id);
    what.from(participant_log).sender(name_of(id.branch())).reason("why");
    // Mostly yes and committed, so that transactions get somewhere.
    what.vote(pick(8) ? vote::yes : static_cast<vote>(pick(4))).decision(any_decision());
    what.ack(pick(8) ? ack_kind::committed : static_cast<ack_kind>(pick(5)));
    const std::uint64_t delivery = pick(2);
    take(received(what, delivery));
    if (delivery) BOOST_TEST_REQUIRE(only<acknowledge>(last_).delivery == delivery);
    const auto before = core_.fingerprint();
    take(received(what));
    BOOST_TEST_REQUIRE((core_.fingerprint() == before));
    BOOST_TEST_REQUIRE(count<force>(last_) + count<append>(last_) + count<completed>(last_) + count<closed>(last_) ==
                       0u);
  }

  void write() {
    if (pending_.empty()) return;
    const auto next = pending_.begin();
    const auto [id, record] = *next;
    pending_.erase(next);
    const auto roll = pick(200);
    const auto outcome = roll == 0 ? log_outcome::ambiguous : roll < 15 ? log_outcome::definite : log_outcome::ok;
    if (outcome == log_outcome::ok || (outcome == log_outcome::ambiguous && pick(2))) made_durable(record);
    poisoned_ = poisoned_ || outcome == log_outcome::ambiguous;
    take(log_written(id, outcome));
  }

  void made_durable(const log_record& record) {
    durable_.insert(durable_.end(), lazy_.begin(), lazy_.end());
    lazy_.clear();
    durable_.push_back(record);
    if (record.type() != record_type::commit) return;
    const auto entry = log_entry::decode(record);
    durable_commits_.insert(entry->transaction());
    for (const auto& yes : entry->yes_branches())
      listed_.insert(branch_id(entry->transaction(), yes.branch()));
  }

  void crash() {
    while (!lazy_.empty() && pick(2))
      lazy_.pop_back();
    durable_.insert(durable_.end(), lazy_.begin(), lazy_.end());
    lazy_.clear();
    pending_.clear();
    waiting_.clear();
    marks_.clear();
    poisoned_ = false;
    start();
  }

  void start() {
    core_ = coordinator_core(shop, coordinator_core_options().log_aborts(true));
    take(log_opened(coordinator_log, durable_));
    const auto epoch = pending_.begin()->first;
    made_durable(pending_.begin()->second);
    pending_.clear();
    take(log_written(epoch, log_outcome::ok));
  }

  void take(const coordinator_event& event) {
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
    BOOST_TEST_REQUIRE(pending_.emplace(what.write, what.record).second); // S6, one write with a name at a time
  }

  void check(const append& what) {
    BOOST_TEST_REQUIRE(!poisoned_);
    lazy_.push_back(what.record);
    const auto entry = log_entry::decode(what.record);
    if (what.record.type() == record_type::end) ended_.insert(entry->transaction());
  }

  void check(const send& what) {
    const auto& id = what.message.branch();
    const auto kind = what.message.kind();
    const bool outcome = kind == message_kind::outcome;
    const bool commit = kind == message_kind::commit || (outcome && what.message.outcome() == outcome_kind::commit);
    const bool abort = kind == message_kind::rollback || (outcome && what.message.outcome() == outcome_kind::abort);
    if (commit) BOOST_TEST_REQUIRE(listed_.contains(id)); // S6 and C3
    if (abort && !ended_.contains(id.transaction())) BOOST_TEST_REQUIRE(!listed_.contains(id));
    if (abort) BOOST_TEST_REQUIRE((id.transaction().coordinator() == coordinator_log)); // S12
    if (poisoned_) BOOST_TEST_REQUIRE((outcome && what.message.outcome() == outcome_kind::pending));
    if (poisoned_) return;
    auto& mark = marks_[what.to];
    BOOST_TEST_REQUIRE((what.message.low_water() >= mark));
    mark = what.message.low_water();
    if (kind == message_kind::prepare || kind == message_kind::commit)
      BOOST_TEST_REQUIRE((id.transaction().place() >= mark));
  }

  void check(const granted& what) {
    if (what.request != begin_request) return; // a branch
    const auto& id = what.branch.transaction();
    BOOST_TEST_REQUIRE(known_.insert(id).second); // S11
    begun_.push_back(id);
    waiting_.insert(id);
  }

  void check(const completed& what) {
    BOOST_TEST_REQUIRE(waiting_.erase(what.transaction) == 1u); // exactly one answer
    const auto told = what.result.decision();
    if (told == decision::aborted) BOOST_TEST_REQUIRE(!durable_commits_.contains(what.transaction)); // S4
    if (told == decision::unknown)                                                                   // S13
      BOOST_TEST_REQUIRE(
          (what.result.code() == errc::log_poisoned || what.result.code() == errc::one_phase_reply_lost));
  }

  void check(const closed& what) { BOOST_TEST_REQUIRE(!waiting_.contains(what.transaction)); }

  template <class Other>
  void check(const Other&) {}

  std::mt19937_64 random_;
  coordinator_core core_{shop};
  std::vector<action> last_;
  std::vector<log_record> durable_;
  std::vector<log_record> lazy_;
  std::map<write_id, log_record> pending_;
  std::map<participant_name, position> marks_;
  std::vector<txid> begun_;
  std::set<txid> known_;
  std::set<txid> waiting_;
  std::set<txid> ended_;
  std::set<txid> durable_commits_;
  std::set<branch_id> listed_;
  bool poisoned_ = false;
};

} // namespace

BOOST_AUTO_TEST_SUITE(two_phase_random)

BOOST_AUTO_TEST_CASE(a_coordinator_never_contradicts_itself_whatever_it_is_told) {
  std::size_t committed = 0;
  int poisoned = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      program run(seed);
      for (int i = 0; i < events_of_a_program; ++i) {
        run.event();
        if (i % 20 == 0 && !run.poisoned()) run.compare_with_compacted();
      }
      committed += run.committed();
      poisoned += run.poisoned();
    }
  // The programs get somewhere.
  BOOST_TEST(committed > 5u * seeds);
  BOOST_TEST(poisoned > 0);
  BOOST_TEST(poisoned < seeds);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace cores_test
