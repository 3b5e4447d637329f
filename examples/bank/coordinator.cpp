// SPDX-License-Identifier: BSL-1.0
#include "coordinator.hpp"

#include "process.hpp"
#include "say.hpp"
#include "teller.hpp"

#include <rondo/sleep.hpp>
#include <rondo/two_phase/file_log.hpp>
#include <rondo/two_phase/tcp_transport.hpp>

namespace tp = rondo::two_phase;

namespace bank {

namespace {

const std::string me = "coordinator";

/// Compaction forgets what has ended. This much is kept, so that clients which come back late still get an answer.
constexpr std::uint64_t history = std::uint64_t(64) << 20;

tp::tcp_transport_options network_of(const coordinator_options& o) {
  auto network = tp::tcp_transport_options().key(read_key(o.key_file));
  network.reconnect_delay(min_reconnect_delay, max_reconnect_delay);
  for (const auto& [name, where] : o.shards)
    network.peer(tp::participant_name(name), where.host, where.port);
  return network;
}

tp::coordinator_options behaviour_of(const coordinator_options& o, outcomes& known, assassin& killer) {
  return tp::coordinator_options()
      .prepare_timeout(o.prepare_timeout)
      .prepare_retry(retry_delays)
      .phase2_retry(retry_delays)
      .compact_above(history)
      .watched_by(known)
      .fail_points([&killer](std::string_view name) { killer.reached("coord.", name); });
}

std::string figures(const tp::coordinator& self) {
  const tp::coordinator_statistics seen = self.statistics();
  return fmt::format("{} committed, {} aborted, {} unknown, {} refused; {} in flight", grouped(seen.committed),
                     grouped(seen.aborted), grouped(seen.unknown), grouped(seen.refused), grouped(seen.in_flight));
}

/// Says which shards cannot be reached, and why, as soon as that lasts.
rondo::awaitable<void> report_connections(const tp::tcp_transport& network) {
  co_await rondo::sleep(std::chrono::seconds(1));
  co_await report_changes(me, [&] {
    std::string state = network.description();
    return state.find("not connected") == state.npos ? std::string("connected to all shards") : state;
  });
}

/// What a start found in the log: decided, but perhaps not everywhere carried out.
rondo::awaitable<void> watch_recovery(tp::coordinator& self, outcomes& known) {
  std::set<tp::txid> found;
  const std::vector<tp::transaction_info> all = co_await self.list();
  for (const tp::transaction_info& each : all)
    found.insert(each.id());
  if (!found.empty())
    say(me, "recovery: {} committed transactions were found in the log, and are being carried out", found.size());
  known.recovered(std::move(found));
}

} // namespace

rondo::awaitable<void> run_coordinator(coordinator_options o) {
  const rondo::task<int> stop = stop_signal();
  assassin killer(o.fail_at);
  files_with_assassin files(killer);
  outcomes known(me);

  tp::file_log decisions(made(o.directory + "/decisions"), tp::file_log_options().files(files));
  tp::tcp_transport network(network_of(o));
  tp::coordinator self(tp::participant_name(me), decisions, network, behaviour_of(o, known, killer));
  teller counter(o, self, known);
  co_await self.start();
  files.begin();
  co_await watch_recovery(self, known);
  counter.listen();
  say(me, "listening for clients on {}:{}", o.listen.host, counter.port());

  const rondo::task<void> reports = rondo::create_task(report_changes(me, [&] { return figures(self); }));
  const rondo::task<void> connections = rondo::create_task(report_connections(network));
  const rondo::task<void> accepting = rondo::create_task(counter.accept_clients());
  const int signal = co_await stop.get();
  say(me, "{}: stopping, {} clients are connected", signal_name(signal), counter.clients());
  co_await rondo::cancel_and_wait(accepting);
  co_await rondo::cancel_and_wait(connections);
  co_await self.stop(o.drain);
  co_await counter.close();
  co_await rondo::cancel_and_wait(reports);
  say(me, "stopped: {}", figures(self));
}

} // namespace bank
