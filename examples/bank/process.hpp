// What the shards and the coordinator have in common.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "options.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/task.hpp>
#include <rondo/two_phase/observer.hpp>
#include <rondo/two_phase/timeouts.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace bank {

/// The secret of the bank. Throws: `std::runtime_error` that names the file, if it is missing or too short.
std::string read_key(const std::string& file);

/// Makes a directory below one that exists. Returns it.
std::string made(const std::string& directory);

/// Pending until SIGINT or SIGTERM; from this call on they no longer end the process by themselves.
rondo::task<int> stop_signal();

/// "SIGINT" or "SIGTERM"
const char* signal_name(int signal);

/// Prints what `figures()` says, now and every second in which it has changed. Runs until it is cancelled.
rondo::awaitable<void> report_changes(std::string who, std::function<std::string()> figures);

/// Says what two-phase commit has to say to people.
class reporter : public rondo::two_phase::observer {
public:
  explicit reporter(std::string who) : who_(std::move(who)) {}

  void on_notice(const rondo::two_phase::notice& what) override;

protected:
  const std::string& who() const noexcept { return who_; }

private:
  std::string who_;
};

/// Between attempts to reach somebody who was killed: in this bank whoever is away comes back soon.
inline const rondo::two_phase::backoff retry_delays{std::chrono::milliseconds(100), std::chrono::seconds(1)};
inline constexpr std::chrono::milliseconds min_reconnect_delay{20};
inline constexpr std::chrono::milliseconds max_reconnect_delay{500};

} // namespace bank
