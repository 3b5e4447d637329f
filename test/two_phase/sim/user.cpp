// SPDX-License-Identifier: BSL-1.0
#include "user.hpp"

#include <rondo/errors.hpp>
#include <rondo/sleep.hpp>
#include <rondo/two_phase/with_transaction.hpp>

#include <stdexcept>
#include <system_error>

namespace sim {
using namespace std::chrono_literals;
using rondo::awaitable;
using two_phase::commit_result;
using two_phase::transaction;

namespace {

class body_error : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

} // namespace

user::user(hub& h, oracle& judge, coordinator_node& where, std::size_t number, const user_plan& plan,
           std::function<std::string(std::size_t)> bank_name)
    : hub_(h), judge_(judge), where_(where), number_(number), plan_(plan), bank_name_(std::move(bank_name)) {}

void user::start() {
  task_ = rondo::create_task([this] { return run(); }, rondo::task_options().name(fmt::format("user {}", number_)));
}

/// Everything that a user may hear is caught here; the rest is a violation, as an exception that nobody expects.
awaitable<void> user::run() {
  try {
    co_await rondo::sleep(plan_.begins);
    co_await run_once();
  } catch (const body_error&) {
    hub_.log.note("body threw", "user", id_ ? judge_.number(*id_) : 0);
  } catch (const rondo::cancelled_error&) {
    if (!cancelled_) judge_.violated("a user gets a cancellation that nobody has asked for");
    hub_.log.note("cancelled", "user", id_ ? judge_.number(*id_) : 0);
  } catch (const std::system_error& error) {
    hub_.log.note("refused", "user", 0, 0, 0, error.code().message());
    if (hub_.faults == 0 && hub_.plan.max_in_flight >= 10'000)
      judge_.violated(fmt::format("begin fails although nothing else does: {}", error.what()));
  } catch (const std::exception& error) {
    judge_.violated(fmt::format("a user gets an exception that is not documented: {}", error.what()));
  }
  handle_.reset();
}

awaitable<void> user::run_once() {
  for (int attempt = 1; !where_.is_up(); ++attempt) {
    if (attempt > 20) co_return;
    co_await rondo::sleep(100ms * attempt * attempt);
  }
  if (plan_.how == style::scope)
    co_await run_scope();
  else
    co_await run_plain();
}

// ---- what goes wrong

void user::after_a_while(std::uint64_t passes, duration later, std::function<void()> what) {
  if (later > 0ns) {
    hub_.loop.call_later(
        later, [this, passes, what = std::move(what)]() mutable { after_a_while(passes, 0ns, std::move(what)); });
    return;
  }
  if (passes == 0) return what();
  hub_.loop.call_soon(
      [this, passes, what = std::move(what)]() mutable { after_a_while(passes - 1, 0ns, std::move(what)); });
}

void user::before_wait() {
  ++waits_;
  if (waits_ == plan_.cancelled_at) after_a_while(plan_.passes, plan_.later, [this] { cancel_now(); });
  if (waits_ == plan_.dropped_at) after_a_while(plan_.passes, plan_.later, [this] { drop_now(); });
}

/// A coordinator that was started again does not have the transaction any more.
void user::note_hit(fault which) {
  if (id_ && where_.lives() == life_) where_.hit(which, two_phase::branch_id(*id_, 0));
}

void user::cancel_now() {
  if (task_.done()) return;
  note_hit(fault::cancel);
  hub_.happens(fault::cancel, "user");
  cancelled_ = true;
  task_.cancel("the user has changed his mind");
}

void user::drop_now() {
  if (!handle_) return;
  note_hit(fault::drop_handle);
  hub_.happens(fault::drop_handle, "user");
  handle_.reset();
}

// ---- the work

two_phase::transaction_options user::options() const {
  two_phase::transaction_options result;
  if (plan_.limit) result.timeout(*plan_.limit);
  return result;
}

void user::enlist(transaction& tx) {
  for (const auto& each : plan_.branches) {
    two_phase::branch_options how;
    how.one_phase_capable(each.one_phase_capable);
    const two_phase::participant_name name(bank_name_(each.bank));
    judge_.enlisted(tx.enlist(name, bank::payload_of(each), how), each);
  }
}

void user::misuse(transaction& tx) {
  try {
    tx.enlist(two_phase::participant_name());
    judge_.violated("a branch without a name is enlisted");
  } catch (const std::invalid_argument&) {
  }
}

awaitable<void> user::think() {
  before_wait();
  co_await rondo::sleep(plan_.thinks);
}

void user::note_begun(const txid& id) {
  id_ = id;
  life_ = where_.lives();
  judge_.begun(id, number_, plan_.coordinator);
}

awaitable<void> user::run_plain() {
  before_wait();
  auto begun = co_await where_.get().begin(options());
  note_begun(begun.id());
  handle_.emplace(std::move(begun));
  if (plan_.misuses) misuse(*handle_);
  co_await think();
  if (!handle_) co_return;
  enlist(*handle_);
  if (plan_.how == style::no_commit) co_return handle_.reset();
  co_await finish(plan_.how == style::plain);
}

awaitable<void> user::finish(bool commits) {
  before_wait();
  if (!handle_) co_return;
  if (commits) judge_.asked(*id_);
  auto deciding = commits ? handle_->commit() : handle_->rollback("the user rolls back");
  const commit_result result = co_await std::move(deciding);
  note_told(result);
  if (!commits && result.committed()) judge_.violated("a transaction that was rolled back is committed");
  before_wait();
  if (!handle_ || !plan_.waits_for_close) co_return;
  const auto known = handle_->result();
  if (!known || known->decision() != result.decision()) judge_.violated("result() differs from what commit() gave");
  auto waiting = handle_->wait_for_close(60s);
  const auto how = co_await std::move(waiting);
  judge_.waited(*id_, how);
}

void user::note_told(const commit_result& result) { judge_.told(*id_, result); }

awaitable<void> user::run_scope() {
  before_wait();
  const auto body = [this](transaction& tx) -> awaitable<void> {
    note_begun(tx.id());
    enlist(tx);
    co_await think();
    if (plan_.throws) {
      note_hit(fault::body_throws);
      hub_.happens(fault::body_throws, "user");
      throw body_error("the body has failed");
    }
    judge_.asked(*id_);
    before_wait();
  };
  try {
    auto scope = two_phase::with_transaction(where_.get(), body, options());
    co_await std::move(scope);
    judge_.told(*id_, decision::committed);
  } catch (const two_phase::transaction_aborted&) {
    judge_.told(*id_, decision::aborted);
  } catch (const two_phase::transaction_unknown&) {
    judge_.told(*id_, decision::unknown);
  }
}

} // namespace sim
