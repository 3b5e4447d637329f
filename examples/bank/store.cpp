// SPDX-License-Identifier: BSL-1.0
#include "store.hpp"

#include "line_file.hpp"
#include "process.hpp"

#include <rondo/errors.hpp>
#include <rondo/shield.hpp>
#include <rondo/threads.hpp>

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace tp = rondo::two_phase;

namespace bank {

std::string journal_directory(const std::string& shard) { return shard + "/journal"; }
std::string decisions_directory(const std::string& shard) { return shard + "/decisions"; }
std::string statement_file(const std::string& shard) { return shard + "/statement"; }

store::store(const shard_options& o)
    : options_(o),
      journal_(made(journal_directory(o.directory)), o.compact_above, [this] { return write_statement(); }) {}

rondo::awaitable<void> store::open() {
  const tp::log_contents found = co_await journal_.open();
  for (const tp::log_record& record : found.records())
    ledger_.replay(record);
  if (found.records().empty()) {
    ledger_ = ledger(options_.name, options_.accounts, options_.opening);
    const rondo::task<void> written = journal_.write(ledger_.snapshot().front());
    co_await written.get();
  }
  if (ledger_.shard() != options_.name)
    throw std::runtime_error(
        fmt::format("{} is the directory of shard {}, not of {}", options_.directory, ledger_.shard(), options_.name));
}

rondo::awaitable<tp::prepare_answer> store::prepare(tp::branch_id branch, std::vector<std::byte> payload) {
  if (ledger_.holds(branch)) co_return tp::vote::yes;
  const order wanted = order::parse(payload);
  std::string refusal = ledger_.refusal(wanted);
  if (!refusal.empty()) co_return tp::prepare_answer::no(std::move(refusal));
  ledger_.hold(branch, wanted); // before the wait: nobody else may spend it
  const rondo::task<void> written = journal_.write(ledger::held_record(branch, wanted));
  try {
    co_await rondo::shield(written);
  } catch (const rondo::cancelled_error&) {
    // The record is on its way; this one follows it, so that nothing is left of the branch.
    ledger_.release(branch);
    journal_.write(ledger::released_record(branch));
    throw;
  }
  co_return tp::vote::yes;
}

rondo::awaitable<void> store::commit(tp::branch_id branch) {
  if (!ledger_.holds(branch)) co_return;
  const rondo::task<void> booked =
      journal_.write(ledger::booked_record(branch), [this, branch] { ledger_.book(branch); });
  co_await rondo::shield(booked);
}

rondo::awaitable<void> store::rollback(tp::branch_id branch) {
  if (!ledger_.holds(branch)) co_return;
  const rondo::task<void> released =
      journal_.write(ledger::released_record(branch), [this, branch] { ledger_.release(branch); });
  co_await rondo::shield(released);
}

rondo::awaitable<std::vector<tp::branch_id>> store::in_doubt() { co_return ledger_.held(); }

/// A crash between the statement and the compaction writes the same lines once more, which readers see by the branch.
rondo::awaitable<journal::records> store::write_statement() {
  std::string lines;
  for (const booking& each : ledger_.bookings())
    lines += each.to_string() + '\n';
  co_await rondo::blocking([&] {
    line_file statement(statement_file(options_.directory));
    statement.append(lines);
    statement.sync();
  });
  ledger_.forget_bookings();
  co_return ledger_.snapshot();
}

} // namespace bank
