// transactional_service: the part that a service has in transactions, by three hooks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/inproc_transport.hpp>
#include <rondo/two_phase/message_headers.hpp>
#include <rondo/two_phase/participant.hpp>
#include <rondo/two_phase/service_transaction.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// How a service works.
class RONDO_EXPORT transactional_service_options {
public:
  /// Whether the service itself watches that transactions come to an end, so that nobody need wait for them: one that
  /// is not closed after `close_timeout` is reported to the observer, as an alarm of the kind `stuck`. Yes unless told.
  transactional_service_options& auto_close(bool value) { return auto_close_ = value, *this; }
  /// For `wait_for_prepare`; 20 s unless told. The hook's own limit is `participant_options::prepare_timeout`.
  transactional_service_options& prepare_timeout(clock::duration value) { return prepare_timeout_ = value, *this; }
  /// For `wait_for_commit` and `wait_for_outcome`; 5 s unless told.
  transactional_service_options& commit_timeout(clock::duration value) { return commit_timeout_ = value, *this; }
  /// For `wait_for_rollback`; 5 s unless told.
  transactional_service_options& rollback_timeout(clock::duration value) { return rollback_timeout_ = value, *this; }
  /// For `wait_for_close`, and for `auto_close`: from the arrival of a transaction; 20 s unless told.
  transactional_service_options& close_timeout(clock::duration value) { return close_timeout_ = value, *this; }
  /// How many transactions may wait to be taken by `next`; 1000 unless told. If there are more, the first of them can
  /// no longer be taken; without `auto_close` it goes the other way: the new ones are refused.
  transactional_service_options& backlog(std::size_t value) { return backlog_ = value, *this; }
  /// For all that a participant can be told: the observer, the loop of the hooks, delays, limits.
  transactional_service_options& participant(const participant_options& value) { return participant_ = value, *this; }

  bool auto_close() const noexcept { return auto_close_; }
  clock::duration prepare_timeout() const noexcept { return prepare_timeout_; }
  clock::duration commit_timeout() const noexcept { return commit_timeout_; }
  clock::duration rollback_timeout() const noexcept { return rollback_timeout_; }
  clock::duration close_timeout() const noexcept { return close_timeout_; }
  std::size_t backlog() const noexcept { return backlog_; }
  const participant_options& participant() const noexcept { return participant_; }

private:
  bool auto_close_ = true;
  clock::duration prepare_timeout_ = default_prepare_timeout;
  clock::duration commit_timeout_ = default_commit_timeout;
  clock::duration rollback_timeout_ = default_rollback_timeout;
  clock::duration close_timeout_ = default_close_timeout;
  std::size_t backlog_ = 1000;
  participant_options participant_;
};

/// What became of a message that was handed to a service.
enum class consume_status : std::uint8_t {
  taken,    ///< it is on its way to the hooks; do not acknowledge it to the broker before it is durable
  rejected, ///< it is no message for a service and never will be: let the broker dead-letter it, not repeat it
  not_open, ///< the service was not started, or is stopped: let the broker repeat it
};

/// The answer of `transactional_service::consume`.
class RONDO_EXPORT consume_result {
public:
  explicit consume_result(consume_status status, std::string reason = {})
      : status_(status), reason_(std::move(reason)) {}

  consume_status status() const noexcept { return status_; }
  bool taken() const noexcept { return status_ == consume_status::taken; }
  bool rejected() const noexcept { return status_ == consume_status::rejected; }
  /// What is wrong with the message, or with the time; empty if it was taken.
  const std::string& reason() const noexcept { return reason_; }

private:
  consume_status status_;
  std::string reason_;
};

/// Takes part in transactions by three hooks: prepare, commit, rollback. The Python programs' `Base2PCTransaction`.
///
///     auto hooks = make_resource(prepare, commit, rollback);
///     transactional_service accounts(participant_name("accounts"), std::move(hooks), log, broker);
///     co_await accounts.start();
///     while (auto tx = co_await accounts.next())
///       log_line(tx->id(), co_await tx->wait_for_prepare());
///
/// or a class of your own:
///
///     class accounts : public transactional_service {
///     public:
///       using transactional_service::transactional_service;
///     private:
///       awaitable<prepare_answer> prepare(branch_id branch, std::vector<std::byte> payload) override;
///       awaitable<void> commit(branch_id branch) override;
///       awaitable<void> rollback(branch_id branch) override;
///     };
///
/// What hooks must guarantee, and what their exceptions mean, is said at `resource`. They run on the service's loop, or
/// the one that `participant_options::hooks_on` names, and never on the thread of a consumer. The service is a
/// `participant`: a yes is durable before it is told, and from then on only the coordinator decides. It takes part in
/// any number of transactions at once; nobody need call `next`.
///
/// It belongs to the loop on which `start` was awaited. If it is destroyed without `stop`, that is a crash, in any
/// phase: hooks are cancelled, waits end, and the log says at the next start what is in doubt. The log and the
/// transport must outlive it. An object of a derived class must not be destroyed while its hooks run: `stop` it before,
/// or make it with `std::make_shared`: a hook keeps it then.
///
/// Thread safety: after `start`, all members on any thread, with or without a loop.
class RONDO_EXPORT transactional_service : protected resource,
                                           public std::enable_shared_from_this<transactional_service> {
public:
  /// Coordinators reach it as `name`, which is the name of its queue where a broker is the transport.
  /// Throws: `std::invalid_argument` for an empty name or no hooks.
  transactional_service(participant_name name, std::unique_ptr<resource> hooks, decision_log& log, transport& net,
                        const transactional_service_options& options = {});

  /// Without a connection: it has a log in memory, which does not survive it, and a network of its own; see `network`.
  transactional_service(participant_name name, std::unique_ptr<resource> hooks,
                        const transactional_service_options& options = {});

  /// For derived classes, which override the hooks: with a connection, and without.
  transactional_service(participant_name name, decision_log& log, transport& net,
                        const transactional_service_options& options = {});
  explicit transactional_service(participant_name name, const transactional_service_options& options = {});

  ~transactional_service() override;

  /// Opens the log and the transport. Transactions in doubt arrive first, as `recovered`.
  /// Throws: as `participant::start`. It is over then.
  awaitable<void> start();

  /// Takes no more messages, and waits for hooks and writes that are under way, at most for `drain`. Then waits end,
  /// and `next` gives what has arrived before, and after that nothing. A second call does nothing.
  ///
  /// Cancellation: as `participant::stop`; the service is stopped all the same.
  awaitable<void> stop(time_limit drain = default_drain);

  /// `start` and `stop`, for `with`.
  awaitable<void> aenter() { return start(); }
  awaitable<void> aexit() { return stop(); }

  /// The next transaction that has arrived, each once; nothing after the end. On any loop.
  ///
  /// Cancellation: takes none. Throws: `timeout_error` after `limit`.
  awaitable<std::optional<service_transaction>> next(time_limit limit = std::nullopt);

  /// The same for a thread without a loop; nothing also when a stop is requested.
  /// Throws also: `std::runtime_error` if it would block a thread that runs a loop.
  std::optional<service_transaction> blocking_next(time_limit limit = std::nullopt, const std::stop_token& stop = {});

  /// Hands over what a broker delivered, as `to_headers` writes it: for the thread of a consumer.
  ///
  /// It returns at once, and never calls a hook. What has no `__type__`, or one that is unknown, or is damaged in other
  /// ways, too large, or meant for a coordinator, is rejected; the observer is told, and `participant().statistics()`
  /// counts it. `durable` is called, on the service's loop, when the effect of the message is durable, so that the
  /// broker may forget it; perhaps never, if the service ends before. Answers go to the sender by the transport.
  consume_result consume(const message_headers& headers, std::span<const std::byte> body,
                         std::function<void()> durable = {});

  template <class Token>
  auto async_next(time_limit limit, Token&& token) {
    return detail::initiate_on<std::optional<service_transaction>>(
        participant().loop(), [this, limit] { return next(limit); }, std::forward<Token>(token));
  }
  template <class Token>
  auto async_stop(time_limit drain, Token&& token) {
    return detail::initiate_on<void>(
        participant().loop(), [this, drain] { return stop(drain); }, std::forward<Token>(token));
  }

  const participant_name& name() const noexcept;

  /// For administrators: what is in doubt, decisions by hand, figures.
  two_phase::participant& participant() noexcept;

  /// The network of a service without a connection: coordinators open their transports on it, and `post` reaches the
  /// service. Throws: `std::logic_error` if it has a connection.
  const inproc_network& network() const;

protected:
  // Unless they are overridden, these throw std::logic_error.
  awaitable<prepare_answer> prepare(branch_id branch, std::vector<std::byte> payload) override;
  awaitable<void> commit(branch_id branch) override;
  awaitable<void> rollback(branch_id branch) override;

private:
  std::shared_ptr<detail::service_host> host_;
};

} // namespace two_phase
RONDO_END_NAMESPACE
