// transport: how coordinators and participants reach each other.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/time.hpp>
#include <rondo/two_phase/message.hpp>

#include <cstdint>
#include <string>
#include <string_view>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// Takes what a transport receives. A coordinator and a participant each have one.
class RONDO_EXPORT message_receiver {
public:
  /// A message for the name under which the transport was opened. `delivery` names it in `transport::acknowledge`; 0 if
  /// the transport keeps no account of deliveries.
  virtual void on_message(message what, std::uint64_t delivery) = 0;

  /// Something arrived that is not a message for this receiver: damaged, too large, of an unknown type, for somebody
  /// else, or from somebody who does not know the key. It was dropped; `why` is for people.
  virtual void on_rejected(std::string_view why) = 0;

protected:
  ~message_receiver() = default;
};

/// Numbers since a transport was opened.
class RONDO_EXPORT transport_statistics {
public:
  transport_statistics& sent(std::uint64_t value) { return sent_ = value, *this; }
  transport_statistics& received(std::uint64_t value) { return received_ = value, *this; }
  transport_statistics& dropped(std::uint64_t value) { return dropped_ = value, *this; }
  transport_statistics& rejected(std::uint64_t value) { return rejected_ = value, *this; }

  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t received() const noexcept { return received_; }
  /// Messages that were not sent: nobody of that name, or too much waits for a peer that does not read.
  std::uint64_t dropped() const noexcept { return dropped_; }
  /// What `message_receiver::on_rejected` was told of.
  std::uint64_t rejected() const noexcept { return rejected_; }

private:
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t rejected_ = 0;
};

/// Carries messages between names, such as those of queues.
///
/// It may lose, repeat, delay and reorder them: whoever waits for an answer sends again, and every message can be taken
/// twice. A transport belongs to one coordinator or participant, and to the loop on which it is opened; everything
/// happens there. Thread safety: that loop's thread, but for `statistics`, which any thread may call.
class RONDO_EXPORT transport {
public:
  transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;
  virtual ~transport();

  /// Starts to hand over what is sent to `self`. The receiver must live until `close` or `abandon` has ended, or the
  /// transport.
  /// Throws: if that is not possible, such as when the name or the port is taken; nothing has changed then.
  virtual awaitable<void> open(const participant_name& self, message_receiver& receiver) = 0;

  /// Hands a message over, without waiting. What cannot be sent is dropped and counted; it will be sent again.
  virtual void send(const participant_name& to, const message& what) = 0;

  /// The effect of a delivery is durable, or it has none: a broker may forget it. Does nothing unless it is overridden.
  virtual void acknowledge(std::uint64_t delivery);

  /// Hands nothing more over to the receiver, at once; then sends what waits to be sent, if that is possible within
  /// `limit`. A transport that is not open ignores it.
  virtual awaitable<void> close(time_limit limit) = 0;

  /// The receiver ends without `close`, as in a crash: hands nothing more over to it, at once. Called on the loop, or when
  /// that has ended; does nothing if it is closed. Does nothing unless it is overridden.
  virtual void abandon() noexcept;

  virtual transport_statistics statistics() const = 0;
  /// For people: what it is, and where.
  virtual std::string description() const = 0;
};

} // namespace two_phase
RONDO_END_NAMESPACE
