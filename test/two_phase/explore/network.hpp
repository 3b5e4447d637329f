// The whole system as the explorer sees it: a number for the state of each process, and the set of messages.
//
// A step of a process depends on its own state alone, so each is computed once, by the real core, and then looked up.
//
// Two reductions leave every verdict as it is. States of a process that nobody can tell apart, and letters that do the
// same everywhere, are taken for one (merge.cpp). A letter is dead for a state of its receiver if neither there nor in
// any state that can follow it does anything; the sets of messages leave out dead letters, since two systems that
// differ only in them have the same future. What can follow is overestimated: any letter that any process may ever send
// is taken to arrive at any time.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "explorer.hpp"
#include "hosts.hpp"

#include <deque>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>

namespace explore {

constexpr std::size_t most_hosts = 4; // the coordinator is the first
constexpr std::size_t most_letters = 512;
/// If a process seems to have more states than this, no letter is taken for dead.
constexpr std::size_t most_rooms = 200'000;

/// A set of messages. It only grows, so every message can be lost, late, early and repeated; with a broker, a message
/// goes when it is acknowledged.
class letter_set {
public:
  bool contains(std::size_t letter) const { return words_[letter / 64] >> (letter % 64) & 1; }
  void insert(std::size_t letter) { words_[letter / 64] |= std::uint64_t{1} << (letter % 64); }
  void erase(std::size_t letter) { words_[letter / 64] &= ~(std::uint64_t{1} << (letter % 64)); }

  void insert(const letter_set& other) {
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] |= other.words_[i];
  }
  /// Removes what is in `some` and not in `others`.
  void erase_without(const letter_set& some, const letter_set& others) {
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] &= ~some.words_[i] | others.words_[i];
  }

  template <class Visit>
  void for_each_in(const letter_set& other, Visit visit) const {
    for (std::size_t i = 0; i < words_.size(); ++i)
      for (auto word = words_[i] & other.words_[i]; word != 0; word &= word - 1)
        visit(i * 64 + static_cast<std::size_t>(std::countr_zero(word)));
  }

  const auto& words() const { return words_; }

  friend bool operator==(const letter_set&, const letter_set&) = default;

private:
  std::array<std::uint64_t, most_letters / 64> words_{};
};

/// The sets that occur get numbers: a state in the queue takes 20 bytes, however many messages there are.
class letter_sets {
public:
  std::uint32_t of(const letter_set& what) {
    const auto [place, is_new] = numbers_.emplace(what, static_cast<std::uint32_t>(sets_.size()));
    if (is_new) sets_.push_back(&place->first);
    return place->second;
  }
  const letter_set& at(std::uint32_t number) const { return *sets_[number]; }
  std::size_t size() const { return sets_.size(); }

private:
  struct hash {
    std::size_t operator()(const letter_set& what) const {
      std::uint64_t result = 1;
      for (std::size_t i = 0; i < what.words().size(); ++i)
        if (what.words()[i] != 0) result = mix(result + i, what.words()[i]);
      return result;
    }
  };

  std::unordered_map<letter_set, std::uint32_t, hash> numbers_; // its nodes stay where they are
  std::vector<const letter_set*> sets_;
};

/// A label without what differs from one process or transaction to the next: "p1: receives vote of 1" is "p: receives
/// vote".
std::string kind_of(const std::string& label);

/// One step of a process, in numbers.
struct transition {
  std::uint32_t next = 0;
  std::vector<std::uint16_t> sent;
  std::vector<std::uint16_t> acknowledged;
  std::vector<std::uint8_t> ended; // transactions
  bool shows = false;              // what the invariants of several processes look at may have changed
  bool taken = false;              // in a state of the system, not only while `network` looks for dead letters
  const char* violation = nullptr;
  std::string label;
};

/// Messages get numbers in the order in which they appear.
class letter_numbers {
public:
  std::uint16_t of(const letter& what);
  const letter& at(std::size_t number) const { return letters_[number]; }
  /// Whether it goes to a process of the model.
  static bool has_receiver(const letter& what);
  std::size_t size() const { return letters_.size(); }
  const letter_set& to(std::size_t host) const { return addressed_[host]; }

private:
  std::map<letter, std::uint16_t> numbers_;
  std::deque<letter> letters_;
  std::array<letter_set, most_hosts> addressed_;
};

/// The states of one process and the steps between them.
template <class Host>
class site {
public:
  site(const settings& options, letter_numbers& letters, transaction_numbers& transactions)
      : options_(options), letters_(letters), transactions_(transactions) {}

  std::uint32_t number_of(Host&& host) {
    const auto [place, is_new] = numbers_.emplace(host.fingerprint(), static_cast<std::uint32_t>(rooms_.size()));
    if (is_new) {
      const auto what = host.summarize(transactions_);
      const bool quiet = host.quiet();
      rooms_.push_back({std::move(host), what, quiet, {}, false, {}, {}});
    }
    return place->second;
  }

  std::vector<transition>& local(std::uint32_t state) {
    if (!rooms_[state].expanded) {
      std::vector<transition> steps;
      for (auto& step : rooms_[state].host.local_steps(options_))
        steps.push_back(in_numbers(state, std::move(step)));
      rooms_[state].local = std::move(steps);
      rooms_[state].expanded = true;
    }
    return rooms_[state].local;
  }

  transition& deliver(std::uint32_t state, std::size_t letter) {
    auto& known = rooms_[state].delivered;
    if (known.size() <= letter) known.resize(letter + 1);
    if (!known[letter]) {
      const auto delivery = options_.broker ? letter + 1 : 0;
      auto step = in_numbers(state, rooms_[state].host.deliver(letters_.at(letter).what, delivery));
      rooms_[state].delivered[letter] = std::make_unique<transition>(std::move(step));
    }
    return *rooms_[state].delivered[letter];
  }

  /// Every step that was computed.
  template <class Visit>
  void each_step(Visit visit) {
    for (auto& each : rooms_) {
      for (auto& step : each.local)
        visit(step);
      for (auto& step : each.delivered)
        if (step) visit(*step);
    }
  }

  letter_set& live(std::uint32_t state) { return rooms_[state].live; }
  const summary& summary_of(std::uint32_t state) const { return rooms_[state].what; }
  bool quiet(std::uint32_t state) const { return rooms_[state].quiet; }
  std::size_t size() const { return rooms_.size(); }

  template <class Visit>
  void each_taken(Visit visit) const {
    for (const auto& each : rooms_) {
      for (const auto& step : each.local)
        if (step.taken) visit(step);
      for (const auto& step : each.delivered)
        if (step && step->taken) visit(*step);
    }
  }

private:
  struct room {
    Host host;
    summary what;
    bool quiet;
    std::vector<transition> local;
    bool expanded;
    std::vector<std::unique_ptr<transition>> delivered;
    letter_set live; // those that can still do something here, or in a state that follows
  };

  transition in_numbers(std::uint32_t from, happening<Host>&& step) {
    transition result;
    result.violation = step.violation;
    result.label = std::move(step.label);
    for (const auto& sent : step.sent)
      if (letters_.has_receiver(sent)) result.sent.push_back(letters_.of(sent));
    for (const auto delivery : step.acknowledged)
      result.acknowledged.push_back(static_cast<std::uint16_t>(delivery - 1));
    for (const auto& id : step.ended)
      result.ended.push_back(static_cast<std::uint8_t>(transactions_.of(id)));
    result.next = number_of(std::move(step.next));
    result.shows = !result.ended.empty() || rooms_[from].what != rooms_[result.next].what;
    return result;
  }

  const settings& options_;
  letter_numbers& letters_;
  transaction_numbers& transactions_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::deque<room> rooms_;
};

class network {
public:
  struct state {
    std::array<std::uint32_t, most_hosts> hosts{};
    std::uint32_t letters = 0; // the number of a set

    friend bool operator==(const state&, const state&) = default;
  };

  explicit network(const settings& options);
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  state first();
  std::uint64_t fingerprint(const state& now) const {
    return mix(mix(std::uint64_t{now.hosts[0]} << 32 | now.hosts[1], std::uint64_t{now.hosts[2]} << 32 | now.hosts[3]),
               now.letters);
  }
  bool complete(const state& now) const;
  std::string label(const state& now, std::size_t edge);

  template <class Visit>
  void successors(const state& now, Visit visit) {
    each_transition(now, [&](std::size_t host, transition& step) {
      step.taken = true;
      const auto next = after(now, host, step);
      const char* broken = step.violation && !is_excused(now, host, step.violation) ? step.violation : nullptr;
      visit(next, broken || !step.shows ? broken : violation(now, next, step));
    });
  }

  /// The kinds of events that happened: "c" or "p", and the label up to what differs from one transaction to the next.
  std::set<std::string> seen() const;

  /// How many states each process has, and how many messages and sets of messages there are.
  std::string sizes() const;

private:
  template <class Visit>
  void each_transition(const state& now, Visit visit) {
    for (std::size_t host = 0; host <= options_.participants; ++host) {
      const auto at = now.hosts[host];
      for (auto& step : host == 0 ? coordinator_.local(at) : participants_[host - 1].local(at))
        visit(host, step);
      letter_sets_.at(now.letters).for_each_in(letters_.to(host), [&](std::size_t letter) {
        visit(host, host == 0 ? coordinator_.deliver(at, letter) : participants_[host - 1].deliver(at, letter));
      });
    }
  }

  /// Calls visit(site, host) for the coordinator and each participant.
  template <class Visit>
  void each_site(Visit visit) {
    visit(coordinator_, 0);
    for (std::size_t i = 0; i < participants_.size(); ++i)
      visit(participants_[i], i + 1);
  }

  /// Takes for one what cannot be told apart. Needs `reach_everything`.
  void merge_alike(const letter_set& effective);
  void find_dead_letters();
  /// Whether it came to an end.
  bool reach_everything();
  letter_set letters_with_effect();
  const letter_set& live(std::size_t host, std::uint32_t room) {
    return host == 0 ? coordinator_.live(room) : participants_[host - 1].live(room);
  }

  /// Whether it is a rule about what must be durable before what, whose breach alone harms nobody yet.
  static bool is_order(std::string_view violation);
  /// Such a breach does not count if more is looked for, or if an administrator has told the coordinator that this
  /// branch was ended by hand.
  bool is_excused(const state& now, std::size_t host, std::string_view violation) const;
  state after(const state& now, std::size_t host, const transition& step);
  /// The invariants that concern several processes; null if they hold.
  const char* violation(const state& before, const state& now, const transition& step) const;

  settings options_;
  bool leaves_out_dead_letters_ = false;
  letter_numbers letters_;
  std::vector<std::uint32_t> representatives_; // of letters; empty if nothing was merged
  letter_sets letter_sets_;
  transaction_numbers transactions_;
  site<coordinator_host> coordinator_;
  std::deque<site<participant_host>> participants_;
  state first_;
};

} // namespace explore
