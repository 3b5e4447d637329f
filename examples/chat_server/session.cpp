// SPDX-License-Identifier: BSL-1.0
#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace chat {

namespace {

constexpr int max_refused_in_a_row = 5;

std::string_view trimmed(std::string_view s) {
  const std::size_t begin = std::min(s.find_first_not_of(" \t"), s.size());
  return s.substr(begin, s.find_last_not_of(" \t") + 1 - begin);
}

} // namespace

struct session::command {
  std::string_view name;
  std::string_view explanation;
  void (session::*obey)(std::string_view argument);
};

const session::command session::commands[] = {
    {"/nick", "/nick NAME   be called NAME", &session::change_nick},
    {"/join", "/join ROOM   go to another room, or make one", &session::join},
    {"/who", "/who         who is in the room", &session::list_members},
    {"/help", "/help        this text", &session::help},
    {"/quit", "/quit        leave", &session::quit},
};

session::session(tcp_socket socket, const options& o, house& h, figures& f)
    : options_(o), house_(h), figures_(f), connection_(std::move(socket), o.max_line, o.max_backlog),
      nick_(h.take_guest_nick()) {}

rondo::task<void> session::start(const std::string& task_name) {
  const auto self = shared_from_this();
  reader_ = rondo::create_task([self] { return self->run(); }, rondo::task_options().name(task_name));
  writer_ = rondo::create_task([self] { return self->connection_.write_queued(); },
                               rondo::task_options().name(task_name + " writer"));
  last_line_ = rondo::clock::now();
  watch_idleness();
  send(fmt::format("* welcome, {}; /help tells what you can do here", nick_));
  join("lobby");
  return reader_;
}

rondo::awaitable<void> session::run() {
  co_await converse();
  leave_room();
  end("* goodbye");
  co_await writer_.get();
}

rondo::awaitable<void> session::converse() {
  while (const std::optional<line> next = co_await connection_.read_line()) {
    // What comes after the goodbye is read all the same: to close with unread input would take the goodbye back.
    if (!ending_) take(*next);
  }
}

void session::take(const line& l) {
  ++figures_.lines_in;
  last_line_ = rondo::clock::now();
  if (l.problem != line::defect::none) return refuse(l);
  refused_in_a_row_ = 0;
  if (l.text.starts_with('/')) return obey(l.text);
  if (!trimmed(l.text).empty()) room_->broadcast(fmt::format("<{}> {}", nick_, l.text), this);
}

void session::refuse(const line& l) {
  ++figures_.refused_lines;
  if (++refused_in_a_row_ > max_refused_in_a_row) return end("! that is too much I do not understand: goodbye");
  if (l.problem == line::defect::too_long)
    send(fmt::format("! that line is too long: {} bytes are allowed", options_.max_line));
  else
    send("! that is not text: UTF-8 without control characters is");
}

void session::obey(std::string_view text) {
  const std::string_view name = text.substr(0, text.find_first_of(" \t"));
  const auto found = std::ranges::find(commands, name, &command::name);
  if (found == std::end(commands)) return send(fmt::format("! there is no command {}; see /help", name));
  (this->*found->obey)(trimmed(text.substr(name.size())));
}

void session::send(std::string_view text) {
  if (ending_) return;
  if (!connection_.send(text)) {
    ++figures_.slow_readers;
    connection_.drop_queued();
    return end("! you read too slowly: goodbye");
  }
  ++figures_.lines_out;
  figures_.greatest_backlog = std::max(figures_.greatest_backlog, connection_.backlog());
}

void session::end(std::string_view last_line) {
  if (std::exchange(ending_, true)) return;
  connection_.send(last_line);
  connection_.finish();
  timer_.cancel();
  timer_ = rondo::get_running_loop().call_later(options_.grace, [reader = reader_] { reader.cancel("no grace left"); });
  // Not at once: the room may be in the middle of a broadcast.
  rondo::get_running_loop().call_soon([self = shared_from_this()] { self->leave_room(); });
}

void session::release() {
  if (connection_.backlog() > 0) ++figures_.cut_off;
  timer_.cancel();
  writer_.cancel();
  leave_room();
  house_.give_back_nick(nick_);
}

void session::watch_idleness() {
  if (options_.idle_timeout.count() == 0) return;
  // One timer for each connection, which sleeps on if there was a line in the meantime: lines cost nothing here.
  const rondo::clock::time_point due = last_line_ + options_.idle_timeout;
  if (rondo::clock::now() >= due) {
    ++figures_.idle;
    return end("! you have been silent for too long: goodbye");
  }
  timer_ = rondo::get_running_loop().call_at(due, [this] { watch_idleness(); });
}

void session::change_nick(std::string_view name) {
  if (!is_name(name)) return send("! a name has 1 to 20 letters, digits, '-' and '_': /nick NAME");
  if (name == nick_) return send(fmt::format("* you are {}", nick_));
  if (!house_.take_nick(std::string(name))) return send(fmt::format("! somebody else is called {}", name));
  room_->broadcast(fmt::format("* {} is now called {}", nick_, name), this);
  house_.give_back_nick(nick_);
  nick_ = name;
  send(fmt::format("* you are {}", nick_));
}

void session::join(std::string_view name) {
  if (!is_name(name)) return send("! a room's name has 1 to 20 letters, digits, '-' and '_': /join ROOM");
  leave_room();
  room_ = &house_.enter(std::string(name), *this);
  room_->broadcast(fmt::format("* {} has come", nick_), this);
  send(fmt::format("* you are in {}, with {} others", name, room_->members().size() - 1));
}

void session::leave_room() {
  room* const left = std::exchange(room_, nullptr);
  if (!left) return;
  left->broadcast(fmt::format("* {} has left", nick_), this);
  house_.leave(*left, *this);
}

void session::list_members(std::string_view) {
  std::string names;
  for (const session* member : room_->members())
    names += " " + member->nick();
  send(fmt::format("* in {}:{}", room_->name(), names));
}

void session::help(std::string_view) {
  send("* a line goes to everybody in the room, except:");
  for (const command& c : commands)
    send(fmt::format("*   {}", c.explanation));
}

void session::quit(std::string_view) { end("* goodbye"); }

} // namespace chat
