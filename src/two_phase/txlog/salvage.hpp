// Saves what can be read of a damaged log.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "log_view.hpp"

namespace txlog {

/// What a new log would hold.
struct salvage_plan {
  tp::log_uuid id;
  bool coordinator = false;
  std::vector<tp::log_record> records;
  std::uint64_t first_epoch = 0; // of a coordinator's next start
};

/// The records before the damage, under an identity that lets nobody take a lost decision for one that was never made.
///
/// A coordinator keeps its identity, since its records and its participants name it; its epoch leaps ahead of every one
/// that can be lost, so that no transaction gets a number twice. A participant gets a new identity: it then answers
/// COMMIT for a branch that it lost with a heuristic hazard, instead of taking it for done.
salvage_plan plan_salvage(const log_view& view);

/// Throws: `log_error` if the source is in use, or the target is not an empty directory, or cannot be written.
void carry_out(const salvage_plan& plan, const std::string& target);

/// Keeps every log from opening the directory while it lives. Throws: `log_error` if one is open.
class source_lock {
public:
  explicit source_lock(const std::string& directory);
  source_lock(const source_lock&) = delete;
  source_lock& operator=(const source_lock&) = delete;
  ~source_lock();

private:
  int file_;
};

} // namespace txlog
