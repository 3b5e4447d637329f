// What rondo-txlog sees of a log, damaged or not, and in use or not. Nothing here changes the log.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "log/reader.hpp"

#include <rondo/two_phase/decision_log.hpp>

#include <map>
#include <string>
#include <vector>

namespace txlog {

namespace tp = rondo::two_phase;

struct located_record {
  std::string file;
  std::size_t offset;
  std::uint64_t lsn;
  tp::log_record record;
};

struct log_view {
  std::optional<tp::log_uuid> id;      // unless no header can be read
  std::vector<located_record> records; // before the damage, if there is one
  std::vector<std::string> segments;
  std::optional<tp::torn_tail> torn;
  std::optional<tp::log_corrupt> damage;
  std::vector<located_record> behind; // the damage: those that can be read
  bool in_use = false;
};

/// Reads a log. While a process writes it, what looks damaged may only be half read: it is read again then.
/// Throws: `log_error` if there is no log, or if it cannot be read.
log_view view_log(const std::string& directory);

/// Whether a process holds the lock.
bool is_in_use(const std::string& directory);

/// What the records of a log leave open.
struct open_transactions {
  std::map<tp::txid, std::vector<tp::yes_branch>> committing; // coordinator: branches that may not have committed
  std::map<tp::branch_id, tp::log_entry> prepared;            // participant: branches without a decision
  std::map<tp::branch_id, tp::log_entry> resolved;            // participant: by an administrator, and not forgotten
  std::size_t unreadable = 0;                                 // records of which this version knows nothing
};

open_transactions find_open(const std::vector<located_record>& records);

/// One line for people.
std::string describe(const tp::log_record& record);

} // namespace txlog
