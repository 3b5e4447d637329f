// Rooms and nicknames.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace chat {

class session;

/// Clients that hear each other.
class room {
public:
  explicit room(std::string name) : name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }
  const std::vector<session*>& members() const noexcept { return members_; }

  void add(session& s) { members_.push_back(&s); }
  void remove(const session& s) { std::erase(members_, &s); }

  /// Sends a line to all members, or to all but one. It only queues: no client can hold up the others.
  void broadcast(std::string_view text, const session* but = nullptr) const;

private:
  std::string name_;
  std::vector<session*> members_; // in the order in which they came
};

/// All rooms, and the nicknames in use.
class house {
public:
  /// The room with this name, which comes into being with its first member ...
  room& enter(const std::string& name, session& s);

  /// ... and goes with its last.
  void leave(room& r, const session& s);

  bool take_nick(const std::string& nick) { return nicks_.insert(nick).second; }
  void give_back_nick(const std::string& nick) { nicks_.erase(nick); }

  /// A nickname that nobody has.
  std::string take_guest_nick();

private:
  std::map<std::string, room> rooms_;
  std::set<std::string> nicks_;
  std::size_t guests_ = 0;
};

} // namespace chat
