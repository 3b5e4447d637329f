// inproc_transport: messages between coordinators and participants of one process.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/transport.hpp>

#include <memory>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

namespace detail {
class inproc_endpoint;
class inproc_names;
} // namespace detail

/// Connects the `inproc_transport`s of a process, on one loop or on many. Copies are the same network.
/// Thread safety: all members, on any thread.
class RONDO_EXPORT inproc_network {
public:
  inproc_network();

  /// Hands a message to whoever is open under the name, as a consumer's thread does with what a broker delivered.
  /// False if nobody is.
  bool post(const participant_name& to, message what) const;

private:
  friend class inproc_transport;

  std::shared_ptr<detail::inproc_names> names_;
};

/// Hands messages over without bytes in between: to another loop by its inbox, on the same loop in its next pass.
///
/// Nothing is lost while both sides are open, and messages arrive in the order in which they were sent.
class RONDO_EXPORT inproc_transport final : public transport {
public:
  explicit inproc_transport(const inproc_network& network);
  ~inproc_transport() override;

  /// Throws: `std::invalid_argument` for an empty name or one that is taken; `std::logic_error` if it is open.
  awaitable<void> open(const participant_name& self, message_receiver& receiver) override;
  void send(const participant_name& to, const message& what) override;
  awaitable<void> close(time_limit limit) override;
  void abandon() noexcept override;
  transport_statistics statistics() const override;
  std::string description() const override;

private:
  inproc_network network_;
  std::shared_ptr<detail::inproc_endpoint> endpoint_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
