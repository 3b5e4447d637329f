// What a TCP transport is while it is open.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connection.hpp"

#include <rondo/task.hpp>

#include <map>
#include <random>
#include <set>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

/// Peers, connections, and the tasks that serve them. The tasks keep it alive; what belongs to the execution context
/// (sockets, acceptor) lives in their coroutines, so that the loop can end before the transport is destroyed.
class node : public std::enable_shared_from_this<node> {
public:
  node(std::shared_ptr<const tcp_transport_options> options, std::shared_ptr<live_counters> counters,
       participant_name self, message_receiver& receiver);

  void start(const std::shared_ptr<tcp_acceptor>& acceptor);
  void send(const participant_name& to, const message& what);
  awaitable<void> close(time_limit limit);
  /// Ends everything without waiting. Any thread if the loop does not run.
  void abandon() noexcept;
  std::string description() const;

private:
  using peer_ptr = std::shared_ptr<peer>;
  using connection_ptr = std::shared_ptr<connection>;
  class attachment;
  class greeting;

  template <class F>
  any_task spawn(std::string name, F f);
  void task_ended(std::uint64_t id);
  void stop_listening();
  void cancel_tasks();

  awaitable<void> accept(tcp_acceptor& acceptor);
  void admit(tcp_socket socket);
  awaitable<void> receive_connection(tcp_socket& socket, std::uint64_t task);
  peer_ptr find_or_add(const std::string& name);

  bool wants_connection(const peer& to) const noexcept;
  void see_to_connection(const peer_ptr& to);
  awaitable<void> dial(peer_ptr to);
  awaitable<clock::duration> connect_once(peer_ptr to);
  awaitable<session> reach(tcp_socket& socket, const peer& to);
  clock::duration jittered(clock::duration delay);

  awaitable<void> serve(connection_ptr connected, bool incoming);
  void hand_over(connection& from);
  void forget_later(const peer_ptr& gone);

  /// Calls the receiver. An exception costs nothing but what it was called for.
  template <class F>
  void tell(F call);
  void reject(std::string_view why);
  void reject_later(std::string why);
  bool quiet() const noexcept;
  void look_for_quiet();

  const std::shared_ptr<const tcp_transport_options> options_;
  const std::shared_ptr<live_counters> counters_;
  const participant_name self_;
  const event_loop loop_;
  message_receiver* receiver_; // null when nothing may be handed over any more
  mac key_;
  std::minstd_rand random_;
  std::string listening_;

  std::map<participant_name, peer_ptr> peers_;
  std::set<connection*> connections_;
  std::map<std::uint64_t, any_task> tasks_; // by the order of their creation
  std::set<std::uint64_t> greetings_;       // those of clients that have not proved anything yet
  std::uint64_t next_task_ = 0;
  any_task accepting_;
  std::weak_ptr<tcp_acceptor> acceptor_; // its task has it
  bool finishing_ = false;               // `close` was called
  bool stopped_ = false;                 // all tasks were cancelled
  event quiet_;                          // for `close`: nothing is left to be written
  event no_tasks_;
};

template <class F>
void node::tell(F call) {
  try {
    call(*receiver_);
  } catch (...) {
    loop_.call_exception_handler({"two-phase tcp: the receiver of messages threw", std::current_exception()});
  }
}

template <class F>
any_task node::spawn(std::string name, F f) {
  const std::uint64_t id = next_task_++;
  const task<void> made = loop_.create_task(
      std::move(f), task_options().name("two-phase tcp: " + std::move(name)).background(true).eager(false));
  tasks_.emplace(id, made);
  made.add_done_callback([self = shared_from_this(), id] { self->task_ended(id); });
  return made;
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
