// Breadth-first exploration of everything that a model can do, with the shortest way to the first fault.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <unistd.h>

#include <bit>
#include <chrono>
#include <cstdint>
#include <deque>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace explore {

/// 64 bits that stand for a state. Among n states two are confused with a probability of about n * n / 2^65.
inline std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  __extension__ using wide = unsigned __int128;
  const auto product = static_cast<wide>(hash ^ 0x9e3779b97f4a7c15) * (word ^ 0xd6e8feb86659fd93);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ std::rotl(hash, 29);
}

/// The memory that this process has at present, in bytes; 0 where the system does not tell.
inline std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// The fingerprints that were seen, each with the number of its state if `numbered`. Linear probing, at most 75 % full.
class visited_set {
public:
  explicit visited_set(bool numbered) : visited_set(1024, numbered) {}

  /// The number of the state (0 if they have none and it is not new); `fresh` is what it gets if it is new.
  std::uint32_t insert(std::uint64_t fingerprint, std::uint32_t fresh) {
    if (growth() > 0 && size_ * 4 >= slots_.size() * 3) grow();
    if (fingerprint == 0) fingerprint = 1; // 0 marks an empty slot
    const auto at = place(fingerprint);
    if (slots_[at] == fingerprint) return numbers_.empty() ? 0 : numbers_[at];
    slots_[at] = fingerprint;
    if (!numbers_.empty()) numbers_[at] = fresh;
    ++size_;
    return fresh;
  }

  /// The bytes that it takes more when it next grows, if that is near.
  std::size_t growth() const {
    if (size_ * 100 < slots_.size() * 74) return 0;
    return 2 * slots_.size() * (sizeof slots_[0] + (numbers_.empty() ? 0 : sizeof numbers_[0]));
  }

private:
  std::size_t place(std::uint64_t fingerprint) const {
    auto at = static_cast<std::size_t>(fingerprint * 0x9e3779b97f4a7c15 >> 32) & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != fingerprint)
      at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  void grow() {
    visited_set larger(slots_.size() * 2, !numbers_.empty());
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i] != 0) {
        const auto at = larger.place(slots_[i]);
        larger.slots_[at] = slots_[i];
        if (!numbers_.empty()) larger.numbers_[at] = numbers_[i];
      }
    slots_.swap(larger.slots_);
    numbers_.swap(larger.numbers_);
  }

  visited_set(std::size_t size, bool numbered) : slots_(size), numbers_(numbered ? size : 0) {}

  std::vector<std::uint64_t> slots_;
  std::vector<std::uint32_t> numbers_; // empty if nobody asks for them
  std::size_t size_ = 0;
};

class limits {
public:
  limits& states(std::size_t value) { return states_ = value, *this; }
  limits& seconds(double value) { return seconds_ = value, *this; }
  limits& bytes(std::size_t value) { return bytes_ = value, *this; }
  /// Keeps every edge (8 bytes each) to find the states from which completion cannot be reached.
  limits& completion(bool value) { return completion_ = value, *this; }

  std::size_t states() const { return states_; }
  double seconds() const { return seconds_; }
  std::size_t bytes() const { return bytes_; }
  bool completion() const { return completion_; }

private:
  std::size_t states_ = 4'000'000'000; // states have numbers of 32 bits
  double seconds_ = 1e9;
  std::size_t bytes_ = std::size_t{12} << 30;
  bool completion_ = false;
};

struct report {
  std::size_t states = 0;
  std::size_t edges = 0; // TLC's "generated": the initial state counts too
  std::size_t idle = 0;  // edges from a state to itself, such as a copy of a message that does nothing
  std::size_t depth = 0; // states on the longest of the shortest ways
  std::size_t complete = 0;
  std::optional<std::size_t> stuck; // states from which no complete one can be reached
  bool exhausted = false;
  const char* limit = ""; // that ended it
  double seconds = 0;
  std::string violation;
  std::vector<std::string> trace; // the events that lead to it
};

/// A model has: `state` (copyable); `state first()`; `std::uint64_t fingerprint(const state&)`; `bool complete(const
/// state&)`; `successors(const state&, visit)`, which calls `visit(next, violation)` for every edge in an order that
/// never changes; and `std::string label(const state&, std::size_t)`, what happens on the edge with that number.
template <class Model>
class explorer {
public:
  using state = typename Model::state;

  explorer(Model& model, const limits& bounds) : model_(model), limits_(bounds), visited_(bounds.completion()) {}

  report run() {
    start_ = clock::now();
    auto level = std::deque<state>{model_.first()};
    see(level.front(), 0, 0);
    result_.edges = 1;
    std::uint32_t number = 0; // states are numbered in the order in which they are expanded
    while (!level.empty() && !stop_) {
      ++result_.depth;
      std::deque<state> next;
      for (; !level.empty() && !stop_; level.pop_front())
        expand(level.front(), number++, next);
      level.swap(next);
    }
    result_.exhausted = !stop_;
    result_.states = parents_.size();
    if (result_.exhausted && limits_.completion()) result_.stuck = count_stuck();
    result_.seconds = elapsed();
    return result_;
  }

private:
  using clock = std::chrono::steady_clock;

  double elapsed() const { return std::chrono::duration<double>(clock::now() - start_).count(); }

  /// Whether the state is new.
  bool see(const state& what, std::uint32_t parent, std::uint16_t edge) {
    const auto fresh = static_cast<std::uint32_t>(parents_.size());
    last_seen_ = visited_.insert(model_.fingerprint(what), fresh);
    if (last_seen_ != fresh) return false;
    parents_.push_back(parent);
    edges_.push_back(edge);
    if (model_.complete(what)) {
      ++result_.complete;
      if (limits_.completion()) complete_.push_back(fresh);
    }
    return true;
  }

  void expand(const state& from, std::uint32_t number, std::deque<state>& next) {
    std::uint16_t edge = 0;
    model_.successors(from, [&](const state& to, const char* violation) {
      if (stop_) return;
      ++result_.edges;
      if (to == from && !violation) {
        ++result_.idle;
        ++edge;
        return;
      }
      const bool fresh = see(to, number, edge);
      if (violation) {
        result_.violation = violation;
        tell(number, edge);
        stop_ = true;
      }
      if (fresh) next.push_back(to);
      if (limits_.completion()) {
        from_.push_back(number);
        to_.push_back(last_seen_);
      }
      ++edge;
    });
    if (parents_.size() >= limits_.states()) end("states");
    if (number % 4096 != 0) return;
    if (elapsed() > limits_.seconds()) end("time");
    if (resident_bytes() + visited_.growth() > limits_.bytes()) end("memory");
  }

  void end(const char* limit) {
    stop_ = true;
    result_.limit = limit;
  }

  /// The events on the way to the state, by walking it again from the first one.
  void tell(std::uint32_t number, std::uint16_t last) {
    std::vector<std::uint16_t> way{last};
    for (auto at = number; at != 0; at = parents_[at])
      way.push_back(edges_[at]);
    auto here = model_.first();
    for (auto step = way.rbegin(); step != way.rend(); ++step) {
      result_.trace.push_back(model_.label(here, *step));
      std::size_t count = 0;
      std::optional<state> taken;
      model_.successors(here, [&](const state& to, const char*) {
        if (count++ == *step) taken = to;
      });
      here = *taken;
    }
  }

  /// Walks the edges backwards from the complete states.
  std::size_t count_stuck() {
    std::vector<std::uint64_t> begin(parents_.size() + 1);
    for (const auto to : to_)
      ++begin[to + 1];
    for (std::size_t i = 1; i < begin.size(); ++i)
      begin[i] += begin[i - 1];
    std::vector<std::uint32_t> sources(to_.size());
    auto place = begin;
    for (std::size_t i = 0; i < to_.size(); ++i)
      sources[place[to_[i]]++] = from_[i];
    std::vector<bool> reached(parents_.size());
    auto open = complete_;
    for (const auto each : open)
      reached[each] = true;
    std::size_t stuck = parents_.size() - open.size();
    while (!open.empty()) {
      const auto to = open.back();
      open.pop_back();
      for (auto i = begin[to]; i < begin[to + 1]; ++i)
        if (!reached[sources[i]]) {
          reached[sources[i]] = true;
          --stuck;
          open.push_back(sources[i]);
        }
    }
    return stuck;
  }

  Model& model_;
  limits limits_;
  report result_;
  clock::time_point start_;
  visited_set visited_;
  // They grow without being copied: at 100 million states a copy would not fit.
  std::deque<std::uint32_t> parents_;
  std::deque<std::uint16_t> edges_;
  std::deque<std::uint32_t> complete_;
  std::deque<std::uint32_t> from_;
  std::deque<std::uint32_t> to_;
  std::uint32_t last_seen_ = 0;
  bool stop_ = false;
};

} // namespace explore
