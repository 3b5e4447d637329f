// service_line: what leads to a participant, its transport and the threads of consumers.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/event_loop.hpp>
#include <rondo/two_phase/transport.hpp>

#include <functional>
#include <map>
#include <mutex>
#include <optional>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// Who wants to know what a participant says. On its loop.
class line_watcher {
public:
  virtual void on_sent(const message& what) = 0;

protected:
  ~line_watcher() = default;
};

/// Passes everything on to a transport, and hands messages of consumers to its receiver between.
class service_line final : public transport {
public:
  service_line(transport& net, line_watcher& watcher) : net_(net), watcher_(watcher) {}

  /// The loop of the receiver, if it is there. From any thread.
  std::optional<event_loop> loop() const;

  /// On the loop; it may be too late then, and nothing happens. `durable` may be empty.
  void deliver(message what, std::function<void()> durable);
  void reject(const std::string& why);

  /// Consumers reach the receiver no more. From any thread; waits until it has returned on another one.
  void cut() noexcept;

  awaitable<void> open(const participant_name& self, message_receiver& receiver) override;
  void send(const participant_name& to, const message& what) override;
  void acknowledge(std::uint64_t delivery) override;
  awaitable<void> close(time_limit limit) override;
  void abandon() noexcept override;
  transport_statistics statistics() const override { return net_.statistics(); }
  std::string description() const override { return net_.description(); }

private:
  /// Of the deliveries that consumers made. No broker counts that far, so that those of the transport are others.
  static constexpr std::uint64_t own_delivery = std::uint64_t{1} << 63;

  transport& net_;
  line_watcher& watcher_;
  mutable std::mutex loop_mutex_;  // short: consumers must not wait for hooks
  std::optional<event_loop> loop_; // while there is a receiver
  std::recursive_mutex mutex_;     // held in calls of the receiver, which may end the service that it belongs to
  message_receiver* receiver_ = nullptr;
  std::uint64_t deliveries_ = 0;
  std::map<std::uint64_t, std::function<void()>> not_durable_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
