// SPDX-License-Identifier: BSL-1.0
#include "network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace explore {

std::uint16_t letter_numbers::of(const letter& what) {
  const auto [place, is_new] = numbers_.emplace(what, static_cast<std::uint16_t>(letters_.size()));
  if (!is_new) return place->second;
  if (letters_.size() == most_letters) throw std::logic_error("the model has more messages than it can count");
  letters_.push_back(what);
  if (what.to == coordinator_name()) addressed_[0].insert(place->second);
  for (std::size_t i = 0; i + 1 < most_hosts; ++i)
    if (what.to == participant_name_of(i)) addressed_[i + 1].insert(place->second);
  return place->second;
}

bool letter_numbers::has_receiver(const letter& what) {
  if (what.to == coordinator_name()) return true;
  for (std::size_t i = 0; i + 1 < most_hosts; ++i)
    if (what.to == participant_name_of(i)) return true;
  return false;
}

network::network(const settings& options) : options_(options), coordinator_(options_, letters_, transactions_) {
  first_.hosts[0] = coordinator_.number_of(coordinator_host(options_));
  for (std::size_t i = 0; i < options_.participants; ++i) {
    participants_.emplace_back(options_, letters_, transactions_);
    first_.hosts[i + 1] = participants_[i].number_of(participant_host(options_, i));
  }
  letter_set letters;
  if (options_.strangers)
    // Another log, a start that has not been, and a transaction that this start has not begun.
    for (const auto& id :
         {two_phase::txid(uuid_of(99), 1, 1), two_phase::txid(uuid_of(1), 7, 1), two_phase::txid(uuid_of(1), 1, 50)}) {
      two_phase::message question(two_phase::message_kind::inquire, {id, 0});
      question.sender(two_phase::participant_name("stranger")).from(uuid_of(98));
      letters.insert(letters_.of({coordinator_name(), question}));
    }
  if (!options_.broker && !options_.plain) find_dead_letters();
  letter_set merged;
  letters.for_each_in(letters, [&](std::size_t letter) {
    merged.insert(representatives_.empty() ? letter : representatives_[letter]);
  });
  first_.letters = letter_sets_.of(merged);
}

/// Every state of a process that any arrival of any letter could lead to.
bool network::reach_everything() {
  const auto within_bounds = [this](std::size_t rooms) {
    return rooms < most_rooms && letters_.size() < most_letters / 2;
  };
  bool ended = true;
  for (std::size_t known = 0, before = 1; known != before;) {
    before = known;
    known = letters_.size();
    each_site([&](auto& site, std::size_t host) {
      for (std::uint32_t room = 0; room < site.size() && within_bounds(site.size()); ++room) {
        site.local(room);
        for (std::size_t letter = 0; letter < letters_.size(); ++letter)
          if (letters_.to(host).contains(letter)) site.deliver(room, letter);
      }
      known += site.size();
      ended = ended && within_bounds(site.size());
    });
    if (!ended) return false;
  }
  return true;
}

/// The letters that change a state somewhere, break a rule, or make a process send such a letter.
letter_set network::letters_with_effect() {
  letter_set result;
  for (bool changed = true; changed;) {
    changed = false;
    each_site([&](auto& site, std::size_t host) {
      for (std::uint32_t room = 0; room < site.size(); ++room)
        for (std::size_t letter = 0; letter < letters_.size(); ++letter) {
          if (!letters_.to(host).contains(letter) || result.contains(letter)) continue;
          const auto& step = site.deliver(room, letter);
          if (step.next == room && !step.violation &&
              std::ranges::none_of(step.sent, [&](auto sent) { return result.contains(sent); }))
            continue;
          result.insert(letter);
          changed = true;
        }
    });
  }
  return result;
}

void network::find_dead_letters() {
  if (!reach_everything()) return;
  leaves_out_dead_letters_ = true;
  const auto effective = letters_with_effect();
  merge_alike(effective);
  each_site([&](auto& site, std::size_t host) {
    const auto alive_after = [&](std::uint32_t room, const transition& step) {
      if (step.next != room) site.live(room).insert(site.live(step.next));
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (auto room = static_cast<std::uint32_t>(site.size()); room-- > 0;) {
        const auto before = site.live(room);
        for (const auto& step : site.local(room))
          alive_after(room, step);
        for (std::size_t letter = 0; letter < letters_.size(); ++letter) {
          if (!letters_.to(host).contains(letter)) continue;
          const auto& step = site.deliver(room, letter);
          alive_after(room, step);
          if (step.next != room || step.violation ||
              std::ranges::any_of(step.sent, [&](auto sent) { return effective.contains(sent); }))
            site.live(room).insert(letter);
        }
        changed = changed || !(before == site.live(room));
      }
    }
  });
}

std::string kind_of(const std::string& label) {
  const auto colon = label.find(':');
  const auto end = std::min(label.find(" of "), label.find(';'));
  const bool force = label.compare(colon, 7, ": force") == 0; // of a record, not of a transaction
  return label.substr(0, 1) + (force ? label.substr(colon) : label.substr(colon, end - colon));
}

std::set<std::string> network::seen() const {
  std::set<std::string> result;
  const auto note = [&](const transition& step) { result.insert(kind_of(step.label)); };
  coordinator_.each_taken(note);
  for (const auto& each : participants_)
    each.each_taken(note);
  return result;
}

bool network::is_order(std::string_view violation) {
  return violation.starts_with("S6") || violation.starts_with("S7") || violation.starts_with("S8") ||
         violation.starts_with("S9") || violation.starts_with("a message");
}

bool network::is_excused(const state& now, std::size_t host, std::string_view violation) const {
  if (!is_order(violation)) return false;
  const auto by_hand = [&](const summary::per_transaction& each) {
    return host > 0 && (each.by_administrator >> (host - 1) & 1) != 0;
  };
  return options_.only_damage || std::ranges::any_of(coordinator_.summary_of(now.hosts[0]).transactions, by_hand);
}

network::state network::first() { return first_; }

bool network::complete(const state& now) const {
  for (std::size_t i = 0; i < options_.participants; ++i)
    if (!participants_[i].quiet(now.hosts[i + 1])) return false;
  return coordinator_.quiet(now.hosts[0]);
}

std::string network::label(const state& now, std::size_t edge) {
  std::string result;
  each_transition(now, [&](std::size_t, const transition& step) {
    if (edge-- == 0) result = step.label;
  });
  return result;
}

network::state network::after(const state& now, std::size_t host, const transition& step) {
  auto next = now;
  next.hosts[host] = step.next;
  auto letters = letter_sets_.at(now.letters);
  for (const auto letter : step.acknowledged)
    letters.erase(letter);
  for (const auto letter : step.sent)
    letters.insert(letter);
  if (leaves_out_dead_letters_)
    for (std::size_t each = 0; each <= options_.participants; ++each)
      letters.erase_without(letters_.to(each), live(each, next.hosts[each]));
  if (!(letters == letter_sets_.at(now.letters))) next.letters = letter_sets_.of(letters);
  return next;
}

const char* network::violation(const state& before, const state& now, const transition& step) const {
  for (std::size_t number = 0; number < transactions_.size(); ++number) {
    const auto& user = coordinator_.summary_of(now.hosts[0]).transactions[number];
    std::uint8_t committed = 0, undone = 0, voted_yes = 0, newly = 0, contradicted = 0;
    std::uint8_t excused = user.by_administrator;
    for (std::size_t i = 0; i < options_.participants; ++i) {
      const auto& each = participants_[i].summary_of(now.hosts[i + 1]).transactions[number];
      const auto& earlier = participants_[i].summary_of(before.hosts[i + 1]).transactions[number];
      committed |= each.committed;
      undone |= each.undone;
      voted_yes |= each.voted_yes;
      excused |= each.by_administrator;
      contradicted |= each.contradicted;
      newly |= each.committed & static_cast<std::uint8_t>(~earlier.committed);
    }
    const auto counts = static_cast<std::uint8_t>(~excused);
    if (contradicted & counts) return "S1: a decision contradicts what was done";
    const auto all = static_cast<std::uint8_t>((1u << options_.participants) - 1);
    // A branch that is not on the list was read-only; a late copy of PREPARE may have run it again.
    const bool decided = user.yes || (user.told_anything && user.told == two_phase::decision::committed);
    const auto listed_undone = static_cast<std::uint8_t>(undone & counts & (decided ? user.yes : all));
    if ((newly & counts) && (voted_yes & all) != all && !options_.one_phase)
      return "S2: a commit although not all voted yes";
    if ((committed & counts) && listed_undone) return "S1: one branch committed, one rolled back";
    if (user.told_anything && user.told == two_phase::decision::committed && listed_undone)
      return "S3: told committed, and a branch rolled back";
    if (user.told_anything && user.told == two_phase::decision::aborted && (committed & counts))
      return "S4: told aborted, and a branch committed";
    for (const auto ended : step.ended)
      if (ended == number && (user.yes & counts & static_cast<std::uint8_t>(~committed)))
        return "S10: END before all branches have committed";
  }
  return nullptr;
}

std::string network::sizes() const {
  const auto reached = [](const auto& site) {
    std::set<std::uint32_t> states{0};
    site.each_taken([&](const transition& step) { states.insert(step.next); });
    return states.size();
  };
  auto text = fmt::format("coordinator {}", reached(coordinator_));
  for (const auto& each : participants_)
    text += fmt::format(", participant {}", reached(each));
  return text + fmt::format("; {} messages, {} sets{}", letters_.size(), letter_sets_.size(),
                            leaves_out_dead_letters_ ? " without the dead ones" : "");
}

} // namespace explore
