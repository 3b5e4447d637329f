// SPDX-License-Identifier: BSL-1.0
#include <rondo/semaphore.hpp>

#include <fmt/format.h>

#include <limits>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE

semaphore::semaphore(std::ptrdiff_t value)
    : semaphore("semaphore", value, std::numeric_limits<std::ptrdiff_t>::max()) {}

semaphore::semaphore(const char* name, std::ptrdiff_t value, std::ptrdiff_t bound)
    : value_(value), bound_(bound), line_(name) {
  if (value < 0)
    throw std::invalid_argument(fmt::format("Semaphore initial value must be >= 0: it is {} for this {}", value, name));
}

void semaphore::release() {
  line_.check_thread("semaphore::release");
  give_back();
}

void semaphore::give_back() noexcept {
  if (value_ >= bound_) return;
  ++value_;
  hand_over();
}

/// Takes a permit on behalf of the first that waits.
bool semaphore::hand_over() noexcept {
  if (!line_.wake_next()) return false;
  --value_;
  return true;
}

void semaphore::turn(bool woken, bool cancelled) noexcept {
  if (cancelled && woken) ++value_;
  // Some may have come while others before them were cancelled: they had to wait although there were permits.
  while (value_ > 0 && hand_over()) {
  }
}

std::string semaphore::describe() const { return fmt::format("a semaphore with {} permits left", value_); }

bounded_semaphore::bounded_semaphore(std::ptrdiff_t value) : semaphore("bounded_semaphore", value, value) {}

void bounded_semaphore::release() {
  if (value() >= bound())
    throw std::invalid_argument(
        fmt::format("BoundedSemaphore released too many times: there were {} permits at first", bound()));
  semaphore::release();
}

RONDO_END_NAMESPACE
