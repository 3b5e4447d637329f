// SPDX-License-Identifier: BSL-1.0
#include "room.hpp"

#include "session.hpp"

#include <fmt/format.h>

namespace chat {

void room::broadcast(std::string_view text, const session* but) const {
  for (session* member : members_)
    if (member != but) member->send(text);
}

room& house::enter(const std::string& name, session& s) {
  room& r = rooms_.try_emplace(name, name).first->second;
  r.add(s);
  return r;
}

void house::leave(room& r, const session& s) {
  r.remove(s);
  if (r.members().empty()) rooms_.erase(rooms_.find(r.name()));
}

std::string house::take_guest_nick() {
  std::string nick;
  do {
    nick = fmt::format("guest-{}", ++guests_);
  } while (!take_nick(nick));
  return nick;
}

} // namespace chat
