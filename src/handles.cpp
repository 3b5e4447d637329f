// SPDX-License-Identifier: BSL-1.0
#include <rondo/detail/handles.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

bool has_duplicates(std::vector<const void*> addresses) {
  std::sort(addresses.begin(), addresses.end(), std::less<>());
  return std::adjacent_find(addresses.begin(), addresses.end()) != addresses.end();
}

void check_same_loop(const char* call, const loop_core& here, const future_state_base& state) {
  if (&state.core() == &here) return;
  throw std::invalid_argument(fmt::format("{}: {} belongs to a different loop: submit work to that loop with "
                                          "run_coroutine_threadsafe and pass wrap_future of what it returns",
                                          call, state.describe()));
}

void pending_names::add(const future_state_base& state) {
  constexpr std::size_t most = 5;
  if (state.done() || ++count_ > most + 1) return;
  if (count_ > 1) text_ += ", ";
  text_ += count_ > most ? "..." : state.describe();
}

} // namespace detail
RONDO_END_NAMESPACE
