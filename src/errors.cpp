// SPDX-License-Identifier: BSL-1.0
#include <rondo/errors.hpp>
#include <rondo/settled.hpp>
#include <rondo/time.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/system/system_error.hpp>

RONDO_BEGIN_NAMESPACE

// Here, so that each class has one vtable and one type_info.
timeout_error::~timeout_error() = default;
invalid_state_error::~invalid_state_error() = default;
future_cancelled::~future_cancelled() = default;
queue_empty::~queue_empty() = default;
queue_full::~queue_full() = default;
queue_shut_down::~queue_shut_down() = default;
broken_barrier_error::~broken_barrier_error() = default;

bool is_cancellation(const std::exception_ptr& error) noexcept {
  if (!error) return false;
  try {
    std::rethrow_exception(error);
  } catch (const cancelled_error&) {
    return true;
  } catch (const boost::system::system_error& e) {
    return e.code() == boost::asio::error::operation_aborted;
  } catch (const boost::asio::multiple_exceptions& e) {
    return is_cancellation(e.first_exception());
  } catch (...) {
    return false;
  }
}

void rethrow_if_cancelled() {
  const std::exception_ptr error = std::current_exception();
  if (!error) return;
  if (is_cancellation(error)) std::rethrow_exception(error);
  try {
    std::rethrow_exception(error);
  } catch (const keyboard_interrupt&) {
    throw;
  } catch (...) {
  }
}

void time_limit::throw_not_a_number() { throw std::invalid_argument("a time limit must be a number, not NaN"); }

namespace detail {

bool is_cancelled_error(const std::exception_ptr& error) noexcept {
  if (!error) return false;
  try {
    std::rethrow_exception(error);
  } catch (const cancelled_error&) {
    return true;
  } catch (...) {
    return false;
  }
}

} // namespace detail
RONDO_END_NAMESPACE
