// What the server and one client say to each other.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connection.hpp"
#include "options.hpp"
#include "room.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace chat {

/// A client from its arrival to its departure.
///
/// Two tasks serve it: one reads and obeys, the other writes. Each keeps the session alive. Whatever ends the
/// conversation (the client, the server, silence, a full queue) takes the same way out: `end` queues a last line, the writer
/// writes it, and the reader goes on reading until the client has closed its side or the grace time is over.
class session : public std::enable_shared_from_this<session> {
public:
  session(tcp_socket socket, const options& o, house& h, figures& f);

  /// Starts both tasks and returns the reader; when that has ended, the session is over.
  rondo::task<void> start(const std::string& task_name);

  /// Queues a line. A client whose queue is full is sent away. Never waits.
  void send(std::string_view text);

  /// Sends the client away, with a last line. The first call counts.
  void end(std::string_view last_line);

  /// Leaves nothing behind. For the end of the reader, however it came.
  void release();

  const std::string& nick() const noexcept { return nick_; }

private:
  struct command;
  static const command commands[];

  rondo::awaitable<void> run();
  rondo::awaitable<void> converse();
  void take(const line& l);
  void refuse(const line& l);
  void obey(std::string_view text);
  void watch_idleness();

  void change_nick(std::string_view name);
  void join(std::string_view name);
  void list_members(std::string_view);
  void help(std::string_view);
  void quit(std::string_view);
  void leave_room();

  const options& options_;
  house& house_;
  figures& figures_;
  connection connection_;
  std::string nick_;
  room* room_ = nullptr;
  int refused_in_a_row_ = 0;
  bool ending_ = false;
  rondo::task<void> reader_;
  rondo::task<void> writer_;
  rondo::clock::time_point last_line_;
  rondo::callback_handle timer_; // for idleness, then for the grace time
};

} // namespace chat
