// SPDX-License-Identifier: BSL-1.0
#include "shard.hpp"

#include "process.hpp"
#include "say.hpp"
#include "store.hpp"

#include <rondo/two_phase/participant.hpp>
#include <rondo/two_phase/tcp_transport.hpp>
#include <rondo/wait.hpp>

namespace tp = rondo::two_phase;

namespace bank {

namespace {

tp::tcp_transport_options network_of(const shard_options& o) {
  return tp::tcp_transport_options()
      .key(read_key(o.key_file))
      .listen(o.listen.host, o.listen.port)
      .reconnect_delay(min_reconnect_delay, max_reconnect_delay);
}

std::string figures(const tp::participant& self, const ledger& accounts) {
  const tp::participant_statistics seen = self.statistics();
  return fmt::format("{} prepared, {} committed, {} rolled back, {} refused; {} held; total {}", grouped(seen.prepared),
                     grouped(seen.committed), grouped(seen.rolled_back), grouped(seen.refused), accounts.held().size(),
                     grouped(accounts.total()));
}

void say_hello(const shard_options& o, std::uint16_t port, const ledger& accounts) {
  say(o.name, "{} accounts, {} in total", grouped(accounts.accounts()), grouped(accounts.total()));
  if (const std::size_t held = accounts.held().size(); held > 0)
    say(o.name, "recovered {} orders that were held when this shard ended; their coordinator will be asked", held);
  say(o.name, "listening on {}:{}", o.listen.host, port);
}

} // namespace

rondo::awaitable<void> run_shard(shard_options o) {
  const rondo::task<int> stop = stop_signal();
  assassin killer(o.fail_at);
  reporter watcher(o.name);
  const auto options = tp::participant_options()
                           .inquiry(retry_delays)
                           .sweep_interval(o.sweep)
                           .watched_by(watcher)
                           .fail_points([&killer](std::string_view name) { killer.reached("part.", name); });

  store accounts(o);
  co_await accounts.open();
  tp::file_log decisions(made(decisions_directory(o.directory)));
  tp::tcp_transport network(network_of(o));
  tp::participant self(tp::participant_name(o.name), accounts, decisions, network, options);
  co_await self.start();
  say_hello(o, network.port(), accounts.accounts());

  const auto now = [&] { return figures(self, accounts.accounts()); };
  const rondo::task<void> reports = rondo::create_task(report_changes(o.name, now));
  const auto first = rondo::wait_options().return_when(rondo::return_when::first_completed);
  co_await rondo::wait(rondo::any_futures(stop, accounts.failed()), first);
  if (accounts.failed().done()) accounts.failed().result(); // throws: a crash is the only way to go on

  say(o.name, "{}: stopping", signal_name(stop.result()));
  co_await self.stop(o.drain);
  co_await rondo::cancel_and_wait(reports);
  co_await accounts.close();
  say(o.name, "stopped: {}", now());
}

} // namespace bank
