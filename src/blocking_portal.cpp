// SPDX-License-Identifier: BSL-1.0
#include <rondo/blocking_portal.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE

void detail::check_no_loop_here(const char* call) {
  if (running_core_or_null())
    throw std::runtime_error(
        fmt::format("{} would block the event loop that runs on this thread: co_await it there, or "
                    "use run_coroutine_threadsafe and wrap_future for another loop",
                    call));
}

RONDO_END_NAMESPACE
