// A load for the chat server: many clients, some of which misbehave; the others must not lose a message.
// SPDX-License-Identifier: BSL-1.0
#include "clients.hpp"

#include <rondo/rondo.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iostream>

namespace {

using load::outcome;
using load::plan;

double milliseconds(std::chrono::nanoseconds d) { return std::chrono::duration<double, std::milli>(d).count(); }

std::chrono::nanoseconds percentile(const std::vector<std::chrono::nanoseconds>& sorted, double p) {
  if (sorted.empty()) return {};
  return sorted[static_cast<std::size_t>(p * static_cast<double>(sorted.size() - 1))];
}

std::size_t expected_deliveries(const plan& p) {
  std::size_t pairs = 0;
  for (std::size_t room = 0; room < p.rooms; ++room) {
    const std::size_t members = p.talkers() / p.rooms + (room < p.talkers() % p.rooms ? 1 : 0);
    if (members > 0) pairs += members * (members - 1);
  }
  return pairs * p.messages;
}

std::string reason(const rondo::settled<void>& failed) {
  if (const auto* const e = failed.error_as<boost::system::system_error>()) return e->code().message();
  if (const auto* const e = failed.error_as<std::exception>()) return e->what();
  return "unknown error";
}

/// Awaits all of them. Returns how many failed; a cancellation is no failure of their own.
rondo::awaitable<std::size_t> failures(const std::vector<rondo::task<void>>& tasks) {
  std::size_t failed = 0;
  for (const rondo::task<void>& t : tasks) {
    const rondo::settled<void> ended = co_await rondo::settle(t.get());
    if (ended || ended.cancelled()) continue;
    if (++failed <= 3) fmt::print("chat_load: {}: {}\n", t.name(), reason(ended));
  }
  if (failed > 3) fmt::print("chat_load: ... and {} more of them\n", failed - 3);
  co_return failed;
}

/// Runs all clients. Returns whether each of them could do its part.
rondo::awaitable<bool> run_clients(const plan& p, outcome& seen) {
  const rondo::event_loop loop = rondo::get_running_loop();
  load::starting_line start(p.clients, loop.create_future());
  load::stage s{p, seen, start};
  std::vector<rondo::task<void>> talkers, silent, others;

  using kind = rondo::awaitable<void> (*)(load::stage&, std::size_t);
  const auto add = [&](auto& tasks, kind client, std::string_view name, std::size_t count) {
    for (std::size_t id = 0; id < count; ++id)
      tasks.push_back(rondo::create_task(client(s, id), rondo::task_options().name(fmt::format("{} {}", name, id))));
  };
  add(talkers, load::talk, "talker", p.talkers());
  add(silent, load::keep_silent, "silent client", p.silent);
  add(others, load::drop_lines, "dropper", p.droppers);
  add(others, load::send_garbage, "garbage client", p.garbage);

  start.go().add_done_callback([&seen] { seen.begin = rondo::clock::now(); });
  const auto cancel_all = [&] {
    for (const auto* tasks : {&talkers, &others, &silent})
      for (const rondo::task<void>& t : *tasks)
        t.cancel();
  };
  bool in_time = true;
  rondo::callback_handle limit = loop.call_later(std::chrono::duration<double>(p.time_limit), [&] {
    in_time = false;
    cancel_all();
  });
  std::size_t failed = co_await failures(talkers);
  s.over = true;
  failed += co_await failures(others);
  limit.cancel();
  for (const rondo::task<void>& t : silent)
    t.cancel();
  failed += co_await failures(silent);
  if (!in_time) fmt::print("chat_load: not done within {} s\n", p.time_limit);
  co_return failed == 0 && in_time;
}

void report(const plan& p, outcome& seen) {
  const double seconds = std::max(milliseconds(seen.end - seen.begin) / 1000, 0.0); // nothing came: no end
  const auto rate = [&](std::size_t n) { return seconds > 0 ? static_cast<double>(n) / seconds : 0; };
  std::ranges::sort(seen.latencies);
  const auto at = [&](double q) { return milliseconds(percentile(seen.latencies, q)); };
  fmt::print("chat_load: {} clients in {} rooms: {} talkers, {} silent, {} droppers, {} with garbage\n", p.clients,
             p.rooms, p.talkers(), p.silent, p.droppers, p.garbage);
  fmt::print("chat_load: {} messages sent, {} of {} deliveries in {:.2f} s ({:.0f} and {:.0f} per second)\n", seen.sent,
             seen.delivered, seen.expected, seconds, rate(seen.sent), rate(seen.delivered));
  fmt::print("chat_load: latency p50 {:.2f} ms, p90 {:.2f} ms, p99 {:.2f} ms, max {:.2f} ms\n", at(0.5), at(0.9),
             at(0.99), at(1));
  fmt::print("chat_load: lost {}, repeated {}, out of order {}, foreign {}\n", seen.lost(), seen.repeated,
             seen.out_of_order, seen.foreign);
  fmt::print("chat_load: {} lines broken off, {} lines of garbage refused, {} not\n", seen.broken_lines, seen.refusals,
             seen.not_refused);
}

} // namespace

int main(int argc, char** argv) {
  plan p;
  CLI::App app("Drives a chat server with many clients, and checks that the well-behaved ones lose nothing.");
  app.option_defaults()->always_capture_default();
  app.add_option("--address", p.address, "IP address of the server");
  app.add_option("--port", p.port, "its port");
  app.add_option("--clients", p.clients, "number of clients of all kinds")->check(CLI::Range(1, 20'000));
  app.add_option("--silent", p.silent, "clients that never read")->check(CLI::Range(0, 20'000));
  app.add_option("--droppers", p.droppers, "clients that disconnect in the middle of a line")
      ->check(CLI::Range(0, 20'000));
  app.add_option("--garbage", p.garbage, "clients that send garbage and lines that are too long")
      ->check(CLI::Range(0, 20'000));
  app.add_option("--rooms", p.rooms, "number of rooms")->check(CLI::Range(1, 1000));
  app.add_option("--messages", p.messages, "messages of each talker")->check(CLI::Range(1, 1'000'000));
  app.add_option("--size", p.size, "bytes of a message")->check(CLI::Range(40, 60'000));
  app.add_option("--window", p.window, "messages that a talker may be ahead")->check(CLI::Range(1, 1000));
  app.add_option("--too-long", p.too_long, "bytes of a line that the server refuses")->check(CLI::Range(16, 1 << 24));
  app.add_option("--time-limit", p.time_limit, "seconds for everything")->check(CLI::Range(0.1, 1e6));
  CLI11_PARSE(app, argc, argv);
  if (p.silent + p.droppers + p.garbage >= p.clients) {
    std::cerr << "chat_load: no talkers are left: --clients must be greater than --silent, --droppers and --garbage "
                 "together\n";
    return 2;
  }

  try {
    outcome seen;
    seen.expected = expected_deliveries(p);
    const bool complete = rondo::run(run_clients(p, seen));
    report(p, seen);
    const bool good = complete && seen.good();
    fmt::print("chat_load: {}\n", good ? "OK: every message arrived, once and in order" : "FAILED");
    return good ? 0 : 1;
  } catch (const rondo::keyboard_interrupt&) {
    std::cerr << "chat_load: interrupted\n";
    return 130;
  } catch (const std::exception& e) {
    std::cerr << "chat_load: " << e.what() << '\n';
    return 1;
  }
}
