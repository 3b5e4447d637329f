// Takes for one what nobody can tell apart: the coarsest bisimulation of the processes and their letters.
//
// Two states of a process are of one class if the invariants see the same in both, and each step of one has a step of
// the other of the same kind that sends letters of the same classes, breaks the same rule, and leads to states of one
// class. Two letters are of one class if they do the same in every state of their receiver. What happens, and the
// shortest way to it, stays.
// SPDX-License-Identifier: BSL-1.0
#include "network.hpp"

#include <algorithm>
#include <limits>

namespace explore {
namespace {

/// Which class each of some things belongs to. It begins with one class for all.
class partition {
public:
  explicit partition(std::size_t things = 0) : classes_(things) {}

  std::uint32_t operator[](std::size_t thing) const { return classes_[thing]; }

  /// Takes apart the things of a class whose signatures differ. Whether there were any.
  bool refine(const std::vector<std::uint64_t>& signatures) {
    std::map<std::uint64_t, std::uint32_t> numbers;
    for (std::size_t thing = 0; thing < classes_.size(); ++thing) {
      const auto fresh = static_cast<std::uint32_t>(numbers.size());
      classes_[thing] = numbers.emplace(mix(signatures[thing], classes_[thing]), fresh).first->second;
    }
    return std::exchange(count_, numbers.size()) != numbers.size();
  }

  /// For each thing the first one of its class.
  std::vector<std::uint32_t> representatives() const {
    std::vector<std::uint32_t> first(count_, std::numeric_limits<std::uint32_t>::max());
    std::vector<std::uint32_t> result;
    for (std::size_t thing = 0; thing < classes_.size(); ++thing) {
      auto& known = first[classes_[thing]];
      known = std::min(known, static_cast<std::uint32_t>(thing));
      result.push_back(known);
    }
    return result;
  }

private:
  std::vector<std::uint32_t> classes_;
  std::size_t count_ = 0;
};

/// Equal for equal sets. `all` is sorted and without copies afterwards.
std::uint64_t hash_of_set(std::vector<std::uint64_t>& all) {
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::uint64_t result = all.size();
  for (const auto each : all)
    result = mix(result, each);
  return result;
}

struct classes {
  std::vector<partition> rooms; // of each process
  partition letters;
  bool keep_labels;

  std::uint64_t signature(std::size_t host, const transition& step, const letter_set& effective) const {
    std::vector<std::uint64_t> sent;
    for (const auto letter : step.sent)
      if (effective.contains(letter)) sent.push_back(letters[letter]);
    auto result = mix(rooms[host][step.next], hash_of_set(sent));
    for (const auto each : step.ended)
      result = mix(result, each + 1u);
    if (keep_labels) result = mix(result, std::hash<std::string>()(kind_of(step.label)));
    return mix(result, step.violation ? std::hash<std::string_view>()(step.violation) : 0);
  }
};

/// What the invariants see of a state.
template <class Site>
std::vector<std::uint64_t> what_is_seen(const Site& site) {
  std::vector<summary> known;
  std::vector<std::uint64_t> result;
  for (std::uint32_t room = 0; room < site.size(); ++room) {
    const auto place = std::ranges::find(known, site.summary_of(room));
    const auto number = static_cast<std::uint64_t>(place - known.begin());
    if (place == known.end()) known.push_back(site.summary_of(room));
    result.push_back(number * 2 + (site.quiet(room) ? 1 : 0));
  }
  return result;
}

} // namespace

void network::merge_alike(const letter_set& effective) {
  classes now{{}, partition(letters_.size()), options_.keep_labels};
  std::vector<std::uint64_t> receivers(letters_.size());
  each_site([&](auto& site, std::size_t host) {
    now.rooms.emplace_back(site.size()).refine(what_is_seen(site));
    for (std::size_t letter = 0; letter < letters_.size(); ++letter)
      if (letters_.to(host).contains(letter)) receivers[letter] = host;
  });
  now.letters.refine(receivers);

  for (bool changed = true; changed;) {
    std::vector<std::uint64_t> of_letters(letters_.size());
    std::vector<std::vector<std::uint64_t>> of_rooms;
    each_site([&](auto& site, std::size_t host) {
      auto& signatures = of_rooms.emplace_back();
      for (std::uint32_t room = 0; room < site.size(); ++room) {
        std::vector<std::uint64_t> steps;
        for (const auto& step : site.local(room))
          steps.push_back(now.signature(host, step, effective));
        auto signature = hash_of_set(steps);
        for (std::size_t letter = 0; letter < letters_.size(); ++letter) {
          if (!letters_.to(host).contains(letter)) continue;
          const auto delivered = now.signature(host, site.deliver(room, letter), effective);
          signature = mix(signature, delivered);
          of_letters[letter] = mix(of_letters[letter], delivered);
        }
        signatures.push_back(signature);
      }
    });
    changed = now.letters.refine(of_letters);
    for (std::size_t host = 0; host < of_rooms.size(); ++host)
      changed = now.rooms[host].refine(of_rooms[host]) || changed;
  }

  representatives_ = now.letters.representatives();
  each_site([&](auto& site, std::size_t host) {
    const auto rooms = now.rooms[host].representatives();
    site.each_step([&](transition& step) {
      step.next = rooms[step.next];
      for (auto& sent : step.sent)
        sent = static_cast<std::uint16_t>(representatives_[sent]);
    });
    first_.hosts[host] = rooms[first_.hosts[host]];
  });
}

} // namespace explore
