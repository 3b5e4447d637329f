// What the load client is to do, and what it has seen.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/future.hpp>
#include <rondo/time.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace load {

struct plan {
  std::string address = "127.0.0.1";
  std::uint16_t port = 4000;
  std::size_t clients = 200; // of all kinds
  std::size_t silent = 20;   // never read
  std::size_t droppers = 20; // disconnect in the middle of a line, again and again
  std::size_t garbage = 20;  // send what is no text, and lines that are too long
  std::size_t rooms = 10;
  std::size_t messages = 200; // of each talker
  std::size_t size = 200;     // of a message in bytes
  std::size_t window = 4;     // how far a talker may be ahead of those whom it hears
  std::size_t too_long = 5000;
  double time_limit = 60;

  std::size_t talkers() const noexcept { return clients - silent - droppers - garbage; }
};

struct outcome {
  std::size_t sent = 0;
  std::size_t delivered = 0;
  std::size_t expected = 0;
  std::size_t repeated = 0;
  std::size_t out_of_order = 0;
  std::size_t foreign = 0; // lines that should not have come: half ones, garbage, refusals
  std::size_t refusals = 0;
  std::size_t not_refused = 0; // garbage to which there was no answer
  std::size_t broken_lines = 0;
  std::vector<std::chrono::nanoseconds> latencies;
  rondo::clock::time_point begin;
  rondo::clock::time_point end;

  std::size_t lost() const noexcept { return expected - delivered; }
  bool good() const noexcept {
    return delivered == expected && repeated == 0 && out_of_order == 0 && foreign == 0 && not_refused == 0;
  }
};

/// Where all clients gather before the first message flows.
class starting_line {
public:
  starting_line(std::size_t clients, rondo::future<void> go) : missing_(clients), go_(go) {}

  void arrive() {
    if (--missing_ == 0) go_.set_result();
  }
  void call_off() {
    if (!go_.done()) go_.cancel();
  }
  rondo::future<void> go() const { return go_; }

private:
  std::size_t missing_;
  rondo::future<void> go_;
};

/// A client's place there. If the client fails before it has arrived, the start is called off, and nobody waits for ever.
class place {
public:
  explicit place(starting_line& line) : line_(&line) {}
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  ~place() {
    if (line_) line_->call_off();
  }

  void arrive() { std::exchange(line_, nullptr)->arrive(); }

private:
  starting_line* line_; // null after the arrival
};

/// What all clients share.
struct stage {
  const plan& what;
  outcome& seen;
  starting_line& start;
  bool over = false; // all talkers are done
};

} // namespace load
