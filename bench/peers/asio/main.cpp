// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <boost/asio/co_spawn.hpp>

namespace {

using peers::meter;

/// A case is a coroutine, or a function that makes an io_context of its own.
struct asio_case {
  std::string_view name;
  peers::awaitable<void> (*coroutine)(meter& m, long n, long size) = nullptr;
  void (*function)(meter& m, long n, long size) = nullptr;
};

constexpr asio_case cases[] = {
    {"create_await", peers::create_await},
    {"spawn", peers::spawn},
    {"yield", peers::yield},
    {"gather", peers::gather},
    {"timeout_turn", peers::timeout_turn},
    {"exception", peers::exception},
    {"sleepers", peers::sleepers},
    {"cancel_depth", peers::cancel_depth},
    {"cancel_among", peers::cancel_among},
    {"queue_pingpong", peers::queue_pingpong},
    {"queue_prodcons", peers::queue_prodcons},
    {"queue_getters", peers::queue_getters},
    {"event_pingpong", peers::event_pingpong},
    {"event_waiters", peers::event_waiters},
    {"lock_uncontended", peers::lock_uncontended},
    {"lock_contended", peers::lock_contended},
    {"thread_roundtrip", nullptr, peers::thread_roundtrip},
    {"thread_submit", nullptr, peers::thread_submit},
    {"thread_queue", nullptr, peers::thread_queue},
    {"echo_callbacks", nullptr, peers::echo_callbacks},
    {"echo_use_awaitable", nullptr, peers::echo_use_awaitable},
    {"echo_deferred", nullptr, peers::echo_deferred},
};

peers::awaitable<void> run_and_report(const asio_case& c, meter& m, long n, long size) {
  co_await c.coroutine(m, n, size);
  m.report();
}

} // namespace

int main(int argc, char** argv) {
  return peers::run_case(argc, argv, cases, [](const asio_case& c, meter& m, long n, long size) {
    if (c.function) return c.function(m, n, size);
    peers::io_context_with_timer context;
    boost::asio::co_spawn(context, run_and_report(c, m, n, size), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    context.run();
  });
}
