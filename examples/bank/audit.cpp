// SPDX-License-Identifier: BSL-1.0
#include "audit.hpp"

#include "ledger.hpp"
#include "line_file.hpp"
#include "say.hpp"
#include "store.hpp"
#include "transfers.hpp"

#include <rondo/two_phase/file_log.hpp>

#include <map>
#include <set>

namespace tp = rondo::two_phase;

namespace bank {

namespace {

const std::string me = "audit";

/// What one transaction has changed, in the whole bank.
using effects = std::multiset<std::pair<account_name, money>>;

class auditor {
public:
  void read_shard(const std::string& directory);
  void read_journal(const std::string& path);
  void check_transfers();
  void check_totals();

  std::size_t violations() const noexcept { return violations_; }

private:
  using bookings = std::map<tp::branch_id, order>;

  template <class... Args>
  void violation(fmt::format_string<Args...> format, Args&&... args) {
    if (++violations_ <= 20) say(me, "VIOLATION: {}", fmt::format(format, std::forward<Args>(args)...));
  }

  bookings read_bookings(const std::string& directory, const ledger& books);
  void check_balances(const ledger& books, const bookings& all);

  std::map<std::string, effects> effects_; // by transaction
  std::map<std::string, transfer> transfers_;
  money opened_ = 0;
  money now_ = 0;
  std::size_t violations_ = 0;
};

void auditor::read_shard(const std::string& directory) {
  tp::file_log journal(journal_directory(directory), tp::file_log_options().must_exist(true));
  ledger books;
  const tp::log_contents found = journal.open();
  for (const tp::log_record& record : found.records())
    books.replay(record);
  const bookings all = read_bookings(directory, books);

  opened_ += books.opening() * static_cast<money>(books.accounts());
  now_ += books.total();
  say(me, "{}: {} accounts, {} bookings, {} in total, {} held", books.shard(), grouped(books.accounts()),
      grouped(all.size()), grouped(books.total()), books.held().size());
  for (const tp::branch_id& held : books.held())
    violation("{} still holds {}: nobody has decided", books.shard(), held.to_gid());
  check_balances(books, all);
  for (const auto& [branch, what] : all)
    for (const posting& p : what.postings())
      effects_[branch.transaction().to_string()].emplace(account_name{books.shard(), p.account}, p.amount);
}

/// Those of the statement, and those that the journal has not yet handed over to it. Some may stand in both.
auditor::bookings auditor::read_bookings(const std::string& directory, const ledger& books) {
  bookings all;
  const auto add = [&](const booking& each) {
    const auto [place, added] = all.emplace(each.branch, each.what);
    if (!added && place->second != each.what) violation("{} stands twice, and differs", each.branch.to_gid());
  };
  for (const std::string& line : line_file::read(statement_file(directory)))
    add(booking::parse(line));
  for (const booking& each : books.bookings())
    add(each);
  return all;
}

/// A booking that was made twice, or half, shows here.
void auditor::check_balances(const ledger& books, const bookings& all) {
  std::map<std::size_t, money> changes;
  for (const auto& [branch, what] : all)
    for (const posting& p : what.postings())
      changes[p.account] += p.amount;
  for (std::size_t number = 0; number < books.accounts(); ++number)
    if (books.balance(number) != books.opening() + changes[number])
      violation("{}/{} has {}, but its bookings make {}", books.shard(), number, books.balance(number),
                books.opening() + changes[number]);
    else if (books.balance(number) < 0)
      violation("{}/{} has {}, less than nothing", books.shard(), number, books.balance(number));
}

void auditor::read_journal(const std::string& path) {
  std::map<transfer::state, std::size_t> count;
  std::map<std::uint64_t, transfer> all = transfer_journal::read(path);
  for (auto& [number, each] : all) {
    ++count[each.what];
    transfers_.emplace(each.transaction, std::move(each));
  }
  using enum transfer::state;
  say(me, "{}: {} transfers, {} committed, {} aborted, {} without a last word", path, grouped(all.size()),
      grouped(count[committed]), grouped(count[aborted]), grouped(count[requested] + count[unknown]));
}

void auditor::check_transfers() {
  for (const auto& [id, t] : transfers_) {
    const auto place = effects_.find(id);
    const effects seen = place == effects_.end() ? effects() : place->second;
    const effects whole = {{t.from, -t.amount}, {t.to, t.amount}};
    const std::string what =
        fmt::format("transfer {} ({} from {} to {}, {})", t.number, t.amount, t.from.to_string(), t.to.to_string(), id);
    if (!seen.empty() && seen != whole)
      violation("{} was carried out in part, or otherwise", what);
    else if (t.what == transfer::state::committed && seen.empty())
      violation("{} is committed, the client was told, and is in no shard", what);
    else if (t.what == transfer::state::aborted && !seen.empty())
      violation("{} is aborted, the client was told, and is in the shards", what);
    else if (!t.settled())
      violation("{} has no last word: run the client with its journal, it will ask", what);
  }
  for (const auto& [id, seen] : effects_)
    if (!transfers_.contains(id)) violation("{} was carried out, but no client has asked for it", id);
}

void auditor::check_totals() {
  say(me, "total: {} when the accounts were opened, {} now", grouped(opened_), grouped(now_));
  if (opened_ != now_)
    violation("{} {}", grouped(std::abs(now_ - opened_)), now_ > opened_ ? "came from nowhere" : "are lost");
}

} // namespace

std::size_t run_audit(const audit_options& o) {
  auditor self;
  for (const std::string& directory : o.shards)
    self.read_shard(directory);
  for (const std::string& path : o.journals)
    self.read_journal(path);
  self.check_transfers();
  self.check_totals();
  if (self.violations() > 0)
    say(me, "FAILED: {} violations", self.violations());
  else
    say(me, "OK: every transfer is in all of its shards or in none, as its client was told; nothing is in doubt");
  return self.violations();
}

} // namespace bank
