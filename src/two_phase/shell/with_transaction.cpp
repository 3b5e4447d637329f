// SPDX-License-Identifier: BSL-1.0
#include <rondo/sleep.hpp>
#include <rondo/two_phase/with_transaction.hpp>

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

std::string describe(const txid& id, const commit_result& result, const char* what) {
  return fmt::format("rondo: transaction {} {}: {}{}{}", id.to_string(), what, result.code().message(),
                     result.reason().empty() ? "" : ": ", result.reason());
}

} // namespace

transaction_aborted::transaction_aborted(const txid& id, const commit_result& result)
    : std::runtime_error(describe(id, result, "was rolled back")), id_(id), code_(result.code()),
      reason_(result.reason()) {}
transaction_aborted::~transaction_aborted() = default;

transaction_unknown::transaction_unknown(const txid& id, const commit_result& result)
    : std::runtime_error(describe(id, result, "may be committed or rolled back; ask coordinator::query later")),
      id_(id), code_(result.code()) {}
transaction_unknown::~transaction_unknown() = default;

namespace detail {

awaitable<void> commit_or_throw(transaction& tx) {
  const auto id = tx.id();
  const commit_result result = co_await tx.commit();
  if (result.committed()) co_return;
  if (!result.aborted()) throw transaction_unknown(id, result);
  // The cancellation is pending: this is the next wait, which delivers it.
  if (result.code() == errc::cancelled) co_await sleep(std::chrono::seconds(0));
  throw transaction_aborted(id, result);
}

} // namespace detail
} // namespace two_phase
RONDO_END_NAMESPACE
