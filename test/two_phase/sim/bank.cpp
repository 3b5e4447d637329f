// SPDX-License-Identifier: BSL-1.0
#include "bank.hpp"

#include <rondo/errors.hpp>
#include <rondo/sleep.hpp>

#include <cstring>
#include <stdexcept>

namespace sim {
using namespace std::chrono_literals;
using rondo::awaitable;
using two_phase::hook_kind;
using two_phase::prepare_answer;
using two_phase::vote;

class bank::running_hook {
public:
  running_hook(bank& where, hook_kind hook, const branch_id& id) : bank_(where), id_(id) {
    if (bank_.closed_) bank_.judge_.violated("a hook begins although its process is gone");
    if (!bank_.running_.insert(id).second) bank_.judge_.violated("two hooks run for one branch");
    if (!bank_.dead_) bank_.judge_.hook_begins(hook, id, bank_.index_, bank_.listed_.contains(id));
    bank_.hub_.log.note("hook", bank_.owner_.name(), bank_.judge_.number(id.transaction()), id.branch(),
                        static_cast<std::uint64_t>(hook));
  }
  running_hook(const running_hook&) = delete;
  running_hook& operator=(const running_hook&) = delete;
  ~running_hook() { bank_.running_.erase(id_); }

private:
  bank& bank_;
  branch_id id_;
};

bank::bank(hub& h, oracle& judge, process& owner, vault& durable, std::size_t index, random_stream random)
    : hub_(h), judge_(judge), owner_(owner), durable_(durable), index_(index), random_(random), hooks_(make_hooks()) {}

std::unique_ptr<two_phase::resource> bank::make_hooks() {
  return two_phase::make_resource(prepare_hook{this}, commit_hook{this}, rollback_hook{this});
}

std::vector<std::byte> bank::payload_of(const branch_plan& plan) {
  std::vector<std::byte> bytes(1 + sizeof plan.amount);
  bytes[0] = static_cast<std::byte>(plan.what);
  std::memcpy(&bytes[1], &plan.amount, sizeof plan.amount);
  return bytes;
}

awaitable<prepare_answer> bank::prepare(branch_id id, std::vector<std::byte> payload) {
  return hooks_->prepare(id, std::move(payload));
}
awaitable<void> bank::commit(branch_id id) { return hooks_->commit(id); }
awaitable<void> bank::rollback(branch_id id) { return hooks_->rollback(id); }

// ---- trouble

void bank::happens(fault which, const branch_id& id) {
  ++hub_.faults;
  hub_.log.note(to_string(which), owner_.name(), judge_.number(id.transaction()), id.branch());
  owner_.hit(which, id);
}

bool bank::fails_again(const branch_id& id, hook_kind hook) {
  const auto known = failures_left_.find({id, hook});
  if (known == failures_left_.end()) {
    if (!random_.chance(100 * hub_.plan.intensity)) return false;
    failures_left_[{id, hook}] = random_.between(1, 6);
    return true;
  }
  return known->second > 0 && --known->second > 0;
}

bool bank::throws_now(const branch_id& id) {
  if (!hub_.may(fault::hook_throws) || !random_.chance(50 * hub_.plan.intensity)) return false;
  happens(fault::hook_throws, id);
  return true;
}

awaitable<void> bank::pause() {
  if (hub_.plan.hook_time > 0ns) co_await rondo::sleep(random_.up_to(hub_.plan.hook_time));
}

/// What goes wrong before a hook does its work. False: it is to return false.
awaitable<bool> bank::trouble(const branch_id& id, hook_kind hook) {
  if (hub_.may(fault::hook_retries) && hook != hook_kind::prepare && fails_again(id, hook)) {
    happens(fault::hook_retries, id);
    throw std::runtime_error("the bank is closed at the moment");
  }
  if (throws_now(id)) throw std::runtime_error("the bank has a problem");
  if (hub_.may(fault::hook_slow) && random_.chance(50 * hub_.plan.intensity)) {
    happens(fault::hook_slow, id);
    co_await rondo::sleep(random_.up_to(40s));
  }
  if (hub_.may(fault::hook_hangs) && random_.chance(30 * hub_.plan.intensity)) {
    happens(fault::hook_hangs, id);
    co_await hub_.all_is_well.wait();
  }
  if (hub_.may(fault::hook_false) && random_.chance(50 * hub_.plan.intensity)) {
    happens(fault::hook_false, id);
    co_return false;
  }
  co_return true;
}

// ---- hooks

awaitable<prepare_answer> bank::try_prepare(branch_id id, std::vector<std::byte> payload) {
  const running_hook running(*this, hook_kind::prepare, id);
  const auto* facts = judge_.find(id);
  if (!facts || payload != payload_of(facts->plan)) judge_.violated("a prepare hook gets a wrong payload");
  if (!facts) co_return prepare_answer(vote::no);
  const auto plan = facts->plan; // the table may move
  const bool well = co_await trouble(id, hook_kind::prepare);
  co_await pause();
  if (!well) co_return prepare_answer(false);
  if (plan.what == sim::work::refuse) co_return prepare_answer::no("not today");
  if (plan.what == sim::work::read) {
    judge_.prepared(id, vote::read_only);
    co_return prepare_answer(vote::read_only);
  }
  if (dead_) co_return prepare_answer(vote::no);
  durable_.prepared[id] = plan.amount;
  const bool stubborn = random_.chance(500);
  std::exception_ptr error;
  try {
    co_await pause();
    if (throws_now(id)) throw std::runtime_error("the bank has thought again");
  } catch (...) {
    error = std::current_exception();
  }
  if (error && !(rondo::is_cancellation(error) && stubborn)) {
    if (!dead_) durable_.prepared.erase(id);
    std::rethrow_exception(error);
  }
  if (!dead_) judge_.prepared(id, vote::yes);
  auto answer = prepare_answer(vote::yes);
  answer.token(payload_of(plan));
  co_return answer;
}

awaitable<bool> bank::try_commit(branch_id id) {
  const running_hook running(*this, hook_kind::commit, id);
  const bool well = co_await trouble(id, hook_kind::commit);
  co_await pause();
  if (!well || dead_) co_return false;
  if (const auto row = durable_.prepared.extract(id)) {
    durable_.account += row.mapped();
    judge_.applied(id);
  }
  co_await pause();
  if (throws_now(id)) throw std::runtime_error("the bank is done, and cannot say so");
  co_return true;
}

awaitable<bool> bank::try_rollback(branch_id id) {
  const running_hook running(*this, hook_kind::rollback, id);
  const bool well = co_await trouble(id, hook_kind::rollback);
  co_await pause();
  if (!well || dead_) co_return false;
  if (durable_.prepared.erase(id) > 0) judge_.rolled_back(id);
  co_await pause();
  if (throws_now(id)) throw std::runtime_error("the bank has undone it, and cannot say so");
  co_return true;
}

awaitable<prepare_answer> bank::commit_one_phase(branch_id id, std::vector<std::byte> payload) {
  const running_hook running(*this, hook_kind::commit_one_phase, id);
  const auto* facts = judge_.find(id);
  if (!facts || payload != payload_of(facts->plan)) judge_.violated("a one-phase hook gets a wrong payload");
  if (!facts) co_return prepare_answer(vote::no);
  const auto plan = facts->plan;
  const bool well = co_await trouble(id, hook_kind::commit_one_phase);
  co_await pause();
  if (dead_) throw std::runtime_error("the bank is gone");
  if (durable_.one_phase.contains(id)) co_return prepare_answer(vote::yes);
  if (!well) co_return prepare_answer(false);
  if (plan.what == sim::work::refuse) co_return prepare_answer::no("not today");
  if (plan.what == sim::work::read) co_return prepare_answer(vote::read_only);
  durable_.one_phase.insert(id);
  durable_.account += plan.amount;
  judge_.applied(id);
  co_await pause();
  if (throws_now(id)) throw std::runtime_error("the bank is done, and cannot say so");
  co_return prepare_answer(vote::yes);
}

/// The answer is on its way for a while: what it says may be over when it arrives.
awaitable<std::vector<branch_id>> bank::in_doubt() {
  if (hub_.may(fault::hook_throws) && random_.chance(100)) throw std::runtime_error("the bank does not tell");
  std::vector<branch_id> result;
  co_await rondo::sleep(random_.up_to(random_.chance(700) ? 50ms : 3s));
  for (const auto& [id, amount] : durable_.prepared)
    result.push_back(id);
  listed_.insert(result.begin(), result.end());
  if (random_.chance(300)) co_await rondo::sleep(random_.up_to(1s));
  hub_.log.note("in doubt", owner_.name(), 0, 0, result.size());
  co_return result;
}

awaitable<void> bank::reattach(branch_id id, std::vector<std::byte> token) {
  const auto* facts = judge_.find(id);
  if (!facts || token != payload_of(facts->plan)) judge_.violated("a branch is reattached with a wrong token");
  co_await pause();
}

} // namespace sim
