// Sets of handles: what wait, as_completed and shield ask of the futures and tasks that they are given.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/future.hpp>

#include <concepts>
#include <cstddef>
#include <ranges>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// A future or a task of any kind, also without its type.
template <class H>
concept any_handle = std::derived_from<std::remove_cvref_t<H>, any_future>;

template <class R>
concept handle_range = std::ranges::input_range<R> && any_handle<std::ranges::range_reference_t<R>>;

RONDO_EXPORT bool has_duplicates(std::vector<const void*> addresses);

/// Keeps the first of equal handles.
template <class E>
void drop_duplicates(std::vector<E>& handles) {
  std::vector<const void*> addresses;
  addresses.reserve(handles.size());
  for (const E& h : handles)
    addresses.push_back(&h.state("drop_duplicates"));
  if (!has_duplicates(std::move(addresses))) return;
  std::unordered_set<E> seen;
  std::erase_if(handles, [&](const E& h) { return !seen.insert(h).second; });
}

/// Throws `std::invalid_argument` for a handle of another loop: its state belongs to that one's thread.
RONDO_EXPORT void check_same_loop(const char* call, const loop_core& here, const future_state_base& state);

/// "task 'a', task 'b', a future, ...": those that are not done, for messages.
class RONDO_EXPORT pending_names {
public:
  void add(const future_state_base& state);
  std::size_t count() const noexcept { return count_; }
  const std::string& text() const noexcept { return text_; }

private:
  std::size_t count_ = 0;
  std::string text_;
};

} // namespace detail
RONDO_END_NAMESPACE
