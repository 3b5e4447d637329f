// What the command line sets, and what the server counts.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace chat {

struct options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 4000;                        // 0: any free one
  std::chrono::milliseconds idle_timeout{300'000};  // without a line from the client; 0: none
  std::chrono::milliseconds grace{3000};            // for the last lines of a client that is leaving
  std::size_t max_line = 1000;                      // bytes, without the line's end
  std::size_t max_backlog = std::size_t(256) << 10; // bytes that wait for one client
};

struct figures {
  std::size_t clients = 0;
  std::size_t lines_in = 0;
  std::size_t lines_out = 0;
  std::size_t refused_lines = 0; // too long, or not text
  std::size_t slow_readers = 0;  // sent away because their backlog was full
  std::size_t idle = 0;          // sent away because they said nothing
  std::size_t cut_off = 0;       // not all of their last lines could be written in the grace time
  std::size_t greatest_backlog = 0;
};

} // namespace chat
