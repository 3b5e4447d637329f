// SPDX-License-Identifier: BSL-1.0
#include <rondo/capacity_limiter.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE

namespace {

std::ptrdiff_t checked(std::ptrdiff_t total) {
  if (total < 1)
    throw std::invalid_argument(fmt::format("capacity_limiter: it needs at least one token, not {}", total));
  return total;
}

} // namespace

capacity_limiter::capacity_limiter(std::ptrdiff_t total) : total_(checked(total)), line_("capacity_limiter") {}

void capacity_limiter::release() {
  if (borrowed_ == 0) throw std::runtime_error("capacity_limiter::release: no token is borrowed");
  line_.check_thread("capacity_limiter::release");
  give_back();
}

void capacity_limiter::set_total(std::ptrdiff_t total) {
  line_.check_thread("capacity_limiter::set_total");
  total_ = checked(total);
  hand_over();
}

void capacity_limiter::give_back() noexcept {
  --borrowed_;
  hand_over();
}

/// Borrows the tokens that are there on behalf of those that wait.
void capacity_limiter::hand_over() noexcept {
  while (borrowed_ < total_ && line_.wake_next())
    ++borrowed_;
}

void capacity_limiter::turn(bool woken, bool cancelled) noexcept {
  if (cancelled && woken) --borrowed_;
  hand_over();
}

std::string capacity_limiter::describe() const {
  return fmt::format("a capacity_limiter with {} of {} tokens borrowed", borrowed_, total_);
}

RONDO_END_NAMESPACE
