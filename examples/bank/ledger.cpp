// SPDX-License-Identifier: BSL-1.0
#include "ledger.hpp"

#include <fmt/format.h>

#include <iterator>
#include <numeric>
#include <stdexcept>

namespace tp = rondo::two_phase;

namespace bank {

namespace {

/// The log gives bodies back as they were written, whatever their type; rondo's own types have low numbers.
constexpr auto balances_record = static_cast<tp::record_type>(200);

} // namespace

std::string booking::to_string() const { return fmt::format("{} {}", branch.to_gid(), what.to_string()); }

booking booking::parse(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text, 2);
  const auto id = words.size() == 2 ? tp::branch_id::from_gid(words[0]) : std::nullopt;
  if (!id) throw std::invalid_argument(fmt::format("'{}' is not a booking", text));
  return {*id, order::parse(words[1])};
}

ledger::ledger(std::string shard, std::size_t accounts, money opening)
    : shard_(std::move(shard)), opening_(opening), accounts_(accounts, account{opening, 0}) {}

std::string ledger::refusal(const order& what) const {
  std::map<std::size_t, money> needed;
  for (const posting& p : what.postings()) {
    if (p.account >= accounts_.size())
      return fmt::format("{} has no account {}: its accounts are 0 to {}", shard_, p.account, accounts_.size() - 1);
    if (p.amount < 0) needed[p.account] -= p.amount;
  }
  for (const auto& [number, amount] : needed) {
    const account& from = accounts_[number];
    if (const money free = from.balance - from.put_aside; free < amount)
      return fmt::format("{}/{} has {} to spend, not {}", shard_, number, free, amount);
  }
  return {};
}

void ledger::hold(const tp::branch_id& branch, const order& what) {
  if (!held_.emplace(branch, what).second) return;
  for (const posting& p : what.postings())
    if (p.amount < 0) accounts_.at(p.account).put_aside -= p.amount;
}

void ledger::book(const tp::branch_id& branch) {
  const auto place = held_.find(branch);
  if (place == held_.end()) return;
  for (const posting& p : place->second.postings())
    accounts_.at(p.account).balance += p.amount;
  bookings_.push_back({branch, place->second});
  release(branch);
}

void ledger::release(const tp::branch_id& branch) {
  const auto place = held_.find(branch);
  if (place == held_.end()) return;
  for (const posting& p : place->second.postings())
    if (p.amount < 0) accounts_.at(p.account).put_aside += p.amount;
  held_.erase(place);
}

std::vector<tp::branch_id> ledger::held() const {
  std::vector<tp::branch_id> result;
  for (const auto& [branch, what] : held_)
    result.push_back(branch);
  return result;
}

money ledger::total() const {
  return std::accumulate(accounts_.begin(), accounts_.end(), money{0},
                         [](money sum, const account& each) { return sum + each.balance; });
}

tp::log_record ledger::held_record(const tp::branch_id& branch, const order& what) {
  return tp::log_entry(tp::record_type::prepared, branch).token(what.to_bytes()).encode();
}

tp::log_record ledger::booked_record(const tp::branch_id& branch) {
  return tp::log_entry(tp::record_type::committed, branch).encode();
}

tp::log_record ledger::released_record(const tp::branch_id& branch) {
  return tp::log_entry(tp::record_type::aborted, branch).encode();
}

tp::log_record ledger::balances() const {
  std::string text = fmt::format("{} {}", shard_, opening_);
  for (const account& each : accounts_)
    fmt::format_to(std::back_inserter(text), " {}", each.balance);
  return {balances_record, bytes_of(text)};
}

std::vector<tp::log_record> ledger::snapshot() const {
  std::vector<tp::log_record> records = {balances()};
  for (const auto& [branch, what] : held_)
    records.push_back(held_record(branch, what));
  return records;
}

void ledger::read_balances(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  std::vector<money> numbers;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto number = parse_number<money>(words[i]);
    if (!number) throw std::invalid_argument(fmt::format("'{}' is not a balance", words[i]));
    numbers.push_back(*number);
  }
  if (numbers.empty()) throw std::invalid_argument("balances without an opening balance");
  *this = ledger(std::string(words[0]), numbers.size() - 1, numbers[0]);
  for (std::size_t i = 0; i < accounts_.size(); ++i)
    accounts_[i].balance = numbers[i + 1];
}

void ledger::replay(const tp::log_record& record) {
  if (record.type() == balances_record) return read_balances(text_of(record.body()));
  const auto entry = tp::log_entry::decode(record);
  if (!entry) throw std::invalid_argument("a record that is damaged, or of a newer version");
  switch (entry->type()) {
  case tp::record_type::prepared:
    return hold(entry->branch(), order::parse(entry->token()));
  case tp::record_type::committed:
    return book(entry->branch());
  case tp::record_type::aborted:
    return release(entry->branch());
  default:
    throw std::invalid_argument(
        fmt::format("a record of type {}, which a store does not write", tp::to_string(entry->type())));
  }
}

} // namespace bank
