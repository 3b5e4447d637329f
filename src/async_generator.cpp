// SPDX-License-Identifier: BSL-1.0
#include <rondo/async_generator.hpp>

#include <stdexcept>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace detail {

void generator_frame::unhandled_exception() noexcept {
  try {
    throw;
  } catch (const generator_exit&) {
    if (phase_ != phase::closing) set_except(std::current_exception());
  } catch (...) {
    set_except(std::current_exception());
  }
}

void throw_generator_runs(const char* call) {
  throw std::runtime_error(std::string(call) + ": asynchronous generator is already running; await one next() or "
                                               "aclose() at a time");
}

void throw_generator_exit_ignored() {
  throw std::runtime_error("async generator ignored GeneratorExit: after a generator_exit its body must end, and not "
                           "yield again");
}

} // namespace detail
RONDO_END_NAMESPACE
