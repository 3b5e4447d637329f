// SPDX-License-Identifier: BSL-1.0
#include "tx_bench.hpp"

#include "bench_tools.hpp"

#include <rondo/rondo.hpp>
#include <rondo/two_phase/coordinator.hpp>
#include <rondo/two_phase/file_log.hpp>
#include <rondo/two_phase/memory_log.hpp>

#include <fmt/format.h>

#include <memory>

namespace bench {
namespace {

namespace tp = rondo::two_phase;
using rondo::awaitable;

constexpr double least_in_memory = 100'000; // transactions a second
constexpr double least_with_one = 0.8;      // of R
constexpr double least_with_many = 20;      // of R, or this share of the memory log's rate, whichever is lower
constexpr double least_share = 0.7;
constexpr int many = 64;
#ifdef RONDO_BENCH_TCP
constexpr double least_over_tcp = 15'000;
constexpr int many_tcp = 256;
#endif

awaitable<std::size_t> client(tp::coordinator& owner, clock::time_point end) {
  std::size_t count = 0;
  const tp::participant_name first("first"), second("second");
  while (clock::now() < end) {
    tp::transaction tx = co_await owner.begin();
    tx.enlist(first);
    tx.enlist(second);
    const tp::commit_result result = co_await tx.commit();
    if (!result.committed()) throw std::runtime_error("a transaction was not committed: " + result.reason());
    ++count;
  }
  co_return count;
}

/// Two local resources.
throughput measure(tp::decision_log& log, int clients, double seconds) {
  const auto nothing = [] {};
  const auto yes = tp::make_resource(nothing, nothing, nothing);
  throughput result;
  auto work = [&]() -> awaitable<void> {
    tp::coordinator owner(tp::participant_name("bench"), log);
    owner.add_resource(tp::participant_name("first"), *yes);
    owner.add_resource(tp::participant_name("second"), *yes);
    co_await owner.start();
    result = co_await run_clients(owner, log, clients, seconds);
    co_await owner.stop();
  };
  rondo::run(work);
  return result;
}

throughput in_memory(double seconds) {
  tp::memory_log log;
  return measure(log, many, seconds);
}

throughput in_file(const std::string& folder, int clients, double seconds) {
  const std::string directory = folder + "/log";
  std::filesystem::create_directory(directory);
  throughput result;
  {
    tp::file_log log(directory, tp::file_log_options().segment_size(segment_size));
    result = measure(log, clients, seconds);
  }
  std::filesystem::remove_all(directory);
  return result;
}

bool report(std::string_view name, double figure, std::string_view unit, double least) {
  const bool reached = figure >= least;
  fmt::print("{:<28} {:>10.2f} {:<4} at least {:.2f}: {}\n", name, figure, unit, least,
             reached ? "reached" : "NOT reached");
  return reached;
}

#ifdef RONDO_BENCH_TCP
bool run_tcp(const tx_bench_settings& settings) {
  fmt::print("TCP on loopback, two participant processes, memory logs, {} in flight; CPU of the coordinator\n",
             many_tcp);
  std::vector<double> rates;
  for (int round = 1; round <= settings.rounds; ++round) {
    const auto found = measure_tcp(many_tcp, settings.seconds);
    rates.push_back(found.per_second);
    fmt::print("{:>5} {:>10.0f} tx/s ({:>5.2f} us)\n", round, found.per_second, found.cpu_microseconds);
  }
  return report("TCP", median(rates), "tx/s", least_over_tcp);
}
#else
bool run_tcp(const tx_bench_settings&) {
  fmt::print("TCP: left out, since rondo::two_phase_tcp was not built\n");
  return true;
}
#endif

} // namespace

awaitable<throughput> run_clients(tp::coordinator& owner, tp::decision_log& log, int clients, double seconds) {
  const auto before = log.statistics();
  const double cpu = cpu_seconds();
  const auto begin = clock::now();
  const auto end = begin + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<rondo::task<std::size_t>> running;
  for (int i = 0; i < clients; ++i)
    running.push_back(rondo::create_task(client(owner, end)));
  std::size_t count = 0;
  for (const auto& each : running)
    count += co_await each.get();
  const double took = std::chrono::duration<double>(clock::now() - begin).count();
  const auto after = log.statistics();
  throughput result;
  result.per_second = static_cast<double>(count) / took;
  result.cpu_microseconds = 1e6 * (cpu_seconds() - cpu) / static_cast<double>(count);
  const auto batches = std::max<std::uint64_t>(after.batches() - before.batches(), 1);
  result.batch = static_cast<double>(after.records() - before.records()) / static_cast<double>(batches);
  co_return result;
}

bool run_tx_bench(const tx_bench_settings& settings) {
  const folder_of_run folder(settings.directory);
  const auto slice = std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(settings.seconds));
  fmt::print("transactions a second, two local resources; CPU time of each in microseconds; R = bare syncs a second\n");
  fmt::print("round   memory, {} in flight     R   file, 1 in flight      / R   file, {} in flight     / R  batch\n",
             many, many);
  std::vector<double> memory, one, all, share, batch;
  for (int round = 1; round <= settings.rounds; ++round) {
    const auto fast = in_memory(settings.seconds);
    rate bare;
    bare_file(folder.path(), 128).run(slice / 2, bare);
    const auto single = in_file(folder.path(), 1, settings.seconds);
    bare_file(folder.path(), 128).run(slice / 2, bare);
    const auto parallel = in_file(folder.path(), many, settings.seconds);
    const double r = bare.per_second();
    memory.push_back(fast.per_second);
    one.push_back(single.per_second / r);
    all.push_back(parallel.per_second / r);
    share.push_back(parallel.per_second / fast.per_second);
    batch.push_back(parallel.batch);
    fmt::print("{:>5} {:>10.0f} ({:>5.2f} us) {:>7.0f} {:>8.0f} ({:>5.2f} us) {:>6.2f} {:>8.0f} ({:>5.2f} us) {:>6.2f} "
               "{:>6.1f}\n",
               round, fast.per_second, fast.cpu_microseconds, r, single.per_second, single.cpu_microseconds, one.back(),
               parallel.per_second, parallel.cpu_microseconds, all.back(), batch.back());
  }
  fmt::print("median of {} rounds, mean batch {:.1f}:\n", settings.rounds, median(batch));
  const bool a = report("memory log, 64 in flight", median(memory), "tx/s", least_in_memory);
  const bool b = report("file log, 1 in flight", median(one), "R", least_with_one);
  const bool by_rate = median(all) >= least_with_many;
  const bool c = by_rate ? report("file log, 64 in flight", median(all), "R", least_with_many)
                         : report("file log, 64 in flight", median(share), "of memory", least_share);
  return run_tcp(settings) && a && b && c;
}

} // namespace bench
