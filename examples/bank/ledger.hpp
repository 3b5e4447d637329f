// The accounts of a shard, in memory: what may be promised, what is promised, what was booked.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "order.hpp"

#include <rondo/two_phase/record.hpp>
#include <rondo/two_phase/types.hpp>

#include <map>
#include <string>
#include <vector>

namespace bank {

/// An order that was carried out.
struct booking {
  rondo::two_phase::branch_id branch;
  order what;

  /// "rondo_<log>_<epoch>_<seq>_<branch> 17:-50 20:+50"
  std::string to_string() const;
  /// Throws: `std::invalid_argument` for a text that is no booking.
  static booking parse(std::string_view text);
};

/// Balances, and the orders that are held: promised to a coordinator, and not yet carried out or given back.
///
/// What an order takes from an account is put aside while it is held, so that nobody else can spend it; what it brings is
/// there only once it is booked. It knows nothing of files: `replay` of the records, in the order in which they were
/// written, gives the same ledger again.
class ledger {
public:
  /// Before the first `replay`: no accounts.
  ledger() = default;
  ledger(std::string shard, std::size_t accounts, money opening);

  /// Why the order cannot be promised now, in words for the client; empty if it can.
  std::string refusal(const order& what) const;

  // All of these do nothing if it was done before: hooks, and records, may come twice.
  void hold(const rondo::two_phase::branch_id& branch, const order& what);
  void book(const rondo::two_phase::branch_id& branch);
  void release(const rondo::two_phase::branch_id& branch);

  bool holds(const rondo::two_phase::branch_id& branch) const { return held_.contains(branch); }
  std::vector<rondo::two_phase::branch_id> held() const;

  const std::string& shard() const noexcept { return shard_; }
  money opening() const noexcept { return opening_; }
  std::size_t accounts() const noexcept { return accounts_.size(); }
  money balance(std::size_t number) const { return accounts_.at(number).balance; }
  money total() const;

  /// The bookings since the last `forget_bookings`.
  const std::vector<booking>& bookings() const noexcept { return bookings_; }
  void forget_bookings() { bookings_.clear(); }

  // The records of a store's journal. Those of a branch are written as a participant's log has them.
  static rondo::two_phase::log_record held_record(const rondo::two_phase::branch_id& branch, const order& what);
  static rondo::two_phase::log_record booked_record(const rondo::two_phase::branch_id& branch);
  static rondo::two_phase::log_record released_record(const rondo::two_phase::branch_id& branch);

  /// The records from which `replay` makes this ledger, but for its bookings.
  std::vector<rondo::two_phase::log_record> snapshot() const;
  /// Throws: `std::invalid_argument` for a record that is not one of these.
  void replay(const rondo::two_phase::log_record& record);

private:
  struct account {
    money balance = 0;
    money put_aside = 0;
  };

  rondo::two_phase::log_record balances() const;
  void read_balances(std::string_view text);

  std::string shard_;
  money opening_ = 0;
  std::vector<account> accounts_;
  std::map<rondo::two_phase::branch_id, order> held_;
  std::vector<booking> bookings_;
};

} // namespace bank
