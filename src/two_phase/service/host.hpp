// service_host: what of a transactional_service may outlive it, since hooks refer to it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "line.hpp"
#include "transaction_state.hpp"

#include <rondo/thread_queue.hpp>
#include <rondo/two_phase/memory_log.hpp>
#include <rondo/two_phase/transactional_service.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

/// What a service without a connection uses.
struct private_network {
  memory_log log;
  inproc_network network;
  inproc_transport net{network};
};

/// Stands between a participant and the user's hooks, and notes what happens to each transaction.
///
///     user --> transactional_service --> service_host --> participant --> service_line --> transport
///                                          ^   ^  ^            |              |
///       hooks that run, one each ----------+   |  +------------+--------------+
///                                              |   calls of hooks    what it says: a vote, an acknowledgement
///                                              v
///       user --> service_transaction --> service_transaction_state
///
/// The participant ends with the service; the host when no hook runs any more.
class service_host final : public resource, public line_watcher, public std::enable_shared_from_this<service_host> {
public:
  using transactions = std::map<branch_id, std::shared_ptr<service_transaction_state>>;

  service_host(participant_name name, std::unique_ptr<resource> hooks, decision_log* log, transport* net,
               const transactional_service_options& options);

  awaitable<void> start(resource* derived, std::weak_ptr<transactional_service> owner);
  awaitable<void> stop(time_limit drain);
  awaitable<std::optional<service_transaction>> next(time_limit limit);
  std::optional<service_transaction> blocking_next(time_limit limit, const std::stop_token& stop);
  consume_result consume(const message_headers& headers, std::span<const std::byte> body,
                         std::function<void()> durable);
  /// The service is destroyed.
  void abandon() noexcept;

  two_phase::participant& participant() noexcept { return *participant_; }
  const inproc_network& network() const;

  awaitable<prepare_answer> prepare(branch_id branch, std::vector<std::byte> payload) override;
  awaitable<void> commit(branch_id branch) override;
  awaitable<void> rollback(branch_id branch) override;
  bool one_phase_capable() const noexcept override;
  awaitable<prepare_answer> commit_one_phase(branch_id branch, std::vector<std::byte> payload) override;
  awaitable<std::vector<branch_id>> in_doubt() override;
  awaitable<void> reattach(branch_id branch, std::vector<std::byte> token) override;

  void on_sent(const message& what) override;

private:
  using self_ptr = std::shared_ptr<service_host>;
  using state_ptr = std::shared_ptr<service_transaction_state>;

  static awaitable<void> run_start(self_ptr self);
  static awaitable<void> run_stop(self_ptr self, time_limit drain);
  static awaitable<prepare_answer> run_prepare(self_ptr self, branch_id branch, std::vector<std::byte> payload);
  static awaitable<prepare_answer> run_one_phase(self_ptr self, branch_id branch, std::vector<std::byte> payload);
  static awaitable<void> run_decision(self_ptr self, branch_id branch, decision how);
  static awaitable<std::vector<branch_id>> run_in_doubt(self_ptr self);
  static awaitable<void> run_reattach(self_ptr self, branch_id branch, std::vector<std::byte> token);

  /// The object with the hooks, kept alive if somebody owns it together with others.
  std::shared_ptr<resource> hooks();
  state_ptr arrive(const branch_id& branch, bool recovered);
  bool queue(const state_ptr& state);
  state_ptr find(const branch_id& branch) const;
  void close(const state_ptr& state);
  void end() noexcept;
  template <class F>
  void on_home(F f);
  void report_late(const branch_id& branch) noexcept;

  const participant_name name_;
  const transactional_service_options options_;
  const wait_limits limits_;
  const std::shared_ptr<resource> given_hooks_; // or null, if a derived class has them
  std::optional<private_network> private_;
  service_line line_;
  thread_queue<service_transaction> arrived_;
  std::unique_ptr<two_phase::participant> participant_;
  std::optional<event_loop> home_; // set once, by start

  mutable std::mutex mutex_;
  resource* derived_ = nullptr; // until the service is destroyed
  bool shared_ = false;         // derived, and made with std::make_shared
  std::weak_ptr<transactional_service> owner_;
  transactions open_;
};

} // namespace two_phase::detail
RONDO_END_NAMESPACE
