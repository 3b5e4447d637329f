// How fast whole transactions are.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/coordinator.hpp>

#include <string>

namespace bench {

/// What a measurement gives.
struct throughput {
  double per_second = 0;
  double cpu_microseconds = 0; // of each transaction, in this process
  double batch = 0;            // records that one sync makes durable
};

/// Transactions of the branches "first" and "second", `clients` in flight.
rondo::awaitable<throughput> run_clients(rondo::two_phase::coordinator& owner, rondo::two_phase::decision_log& log,
                                         int clients, double seconds);

#ifdef RONDO_BENCH_TCP
/// The same over TCP on loopback, with two processes.
throughput measure_tcp(int clients, double seconds);
#endif

struct tx_bench_settings {
  std::string directory = "."; // a folder for the files is made in it, and removed
  int rounds = 5;
  double seconds = 1; // of each measurement
  bool check = false;
};

/// Prints the rates; whether they reach the limits.
bool run_tx_bench(const tx_bench_settings& settings);

} // namespace bench
