// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <chrono>

namespace {

struct rondo_case {
  std::string_view name;
  rondo::awaitable<void> (*run)(peers::meter& m, long n, long size);
};

constexpr rondo_case cases[] = {
    {"create_await", peers::create_await},
    {"spawn", peers::spawn},
    {"yield", peers::yield},
    {"gather", peers::gather},
    {"group", peers::group},
    {"timeout", peers::timeout},
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
    {"thread_roundtrip", peers::thread_roundtrip},
    {"thread_submit", peers::thread_submit},
    {"thread_queue", peers::thread_queue},
    {"echo", peers::echo},
};

/// Ends the process from inside the loop.
rondo::awaitable<void> run_and_report(const rondo_case& c, peers::meter& m, long n, long size) {
  rondo::get_running_loop().call_later(std::chrono::hours(24), [] {});
  co_await c.run(m, n, size);
  m.report();
}

} // namespace

int main(int argc, char** argv) {
  return peers::run_case(argc, argv, cases, [](const rondo_case& c, peers::meter& m, long n, long size) {
    rondo::run(run_and_report(c, m, n, size));
  });
}
