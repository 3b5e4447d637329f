// with_transaction: a scope whose work is committed when it ends, or undone.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/body.hpp>
#include <rondo/two_phase/coordinator.hpp>

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// A transaction was rolled back. `what()` says why.
class RONDO_EXPORT transaction_aborted : public std::runtime_error {
public:
  transaction_aborted(const txid& id, const commit_result& result);
  ~transaction_aborted() override;

  const txid& id() const noexcept { return id_; }
  const std::error_code& code() const noexcept { return code_; }
  /// The words of the participant that refused; may be empty.
  const std::string& reason() const noexcept { return reason_; }

private:
  txid id_;
  std::error_code code_;
  std::string reason_;
};

/// It cannot be told whether a transaction was committed. Ask `coordinator::query` later, after a restart if need be:
/// doing the work again might do it twice.
class RONDO_EXPORT transaction_unknown : public std::runtime_error {
public:
  transaction_unknown(const txid& id, const commit_result& result);
  ~transaction_unknown() override;

  const txid& id() const noexcept { return id_; }
  const std::error_code& code() const noexcept { return code_; }

private:
  txid id_;
  std::error_code code_;
};

namespace detail {

/// Commits; throws what is not a commit.
RONDO_EXPORT awaitable<void> commit_or_throw(transaction& tx);

template <class T, class Body>
awaitable<T> run_transaction(coordinator& owner, Body body, transaction_options options) {
  transaction tx = co_await owner.begin(options); // which an exception of the body rolls back
  if constexpr (std::is_void_v<T>) {
    co_await rondo::detail::run_body<Body, transaction&>(body, tx);
    co_await commit_or_throw(tx);
  } else {
    T result = co_await rondo::detail::run_body<Body, transaction&>(body, tx);
    co_await commit_or_throw(tx);
    co_return result;
  }
}

} // namespace detail

/// Begins a transaction, runs the body, and commits; returns what the body returns.
///
///     co_await with_transaction(shop, [&](transaction& tx) -> awaitable<void> {
///       tx.enlist(participant_name("orders"), order);
///       ...
///     });
///
/// The body is plain or a coroutine, and is called with the transaction; call it with a `[&]` lambda. If it throws, the
/// transaction is rolled back, and the exception goes on.
///
/// Cancellation: in the body, as an exception; in the commit, `cancelled_error` is thrown if the transaction was rolled
/// back because of it, and if it was too late for that, the cancellation is delivered at the next wait.
/// Throws: `transaction_aborted`, `transaction_unknown`; as `coordinator::begin`; what the body throws.
template <class F>
auto with_transaction(coordinator& owner, F&& body, transaction_options options = {}) {
  rondo::detail::require_body<F, transaction&>();
  using function = std::decay_t<F>;
  using value = rondo::detail::body_value_t<function, transaction&>;
  return detail::run_transaction<value, function>(owner, std::forward<F>(body), std::move(options));
}

} // namespace two_phase
RONDO_END_NAMESPACE
