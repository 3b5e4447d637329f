// Another service: what waits for it, and how it is connected.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "outbox.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/two_phase/tcp_transport.hpp>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

class connection;

/// A service that has an address, or that has connected. The connections clear their pointers when they end.
class peer {
public:
  peer(participant_name the_name, std::optional<tcp_address> the_address, std::size_t queue_limit)
      : name(std::move(the_name)), address(std::move(the_address)), waiting(queue_limit) {}

  /// The connection that messages are written to, or null.
  connection* active() const noexcept { return incoming ? incoming : outgoing; }

  participant_name name;
  std::optional<tcp_address> address;
  outbox waiting;
  connection* incoming = nullptr; // the peer has opened it
  connection* outgoing = nullptr; // this side has

  bool dialing = false;             // a task sees to the outgoing connection
  clock::time_point next_attempt{}; // not before
  clock::duration delay{0};         // the last one
  std::string trouble;              // why it is not connected
  callback_handle forgetting;
};

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
