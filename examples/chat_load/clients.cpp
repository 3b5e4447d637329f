// SPDX-License-Identifier: BSL-1.0
#include "clients.hpp"

#include "peer.hpp"

#include <rondo/sleep.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <stdexcept>

using namespace std::chrono_literals;

namespace load {

namespace {

constexpr std::string_view whole_line = "a whole line";
constexpr std::string_view half_line = "half of a li";

std::string room_of(const stage& s, std::size_t id) { return fmt::format("room-{}", id % s.what.rooms); }

std::string entry(const stage& s, std::size_t id, const std::string& nick) {
  return fmt::format("/nick {}\n/join {}\n", nick, room_of(s, id));
}

/// Cuts the next word off a text.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::optional<std::int64_t> to_number(std::string_view text) {
  std::int64_t n = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return n;
}

/// A client that behaves well.
class talker {
public:
  talker(stage& s, std::size_t id) : stage_(s), id_(id), place_(s.start) {
    for (std::size_t other = id % s.what.rooms; other < s.what.talkers(); other += s.what.rooms)
      if (other != id) heard_[fmt::format("<g{}>", other)] = 0;
  }

  rondo::awaitable<void> run() {
    co_await peer_.connect(stage_.what.address, stage_.what.port);
    co_await peer_.write(entry(stage_, id_, fmt::format("g{}", id_)));
    co_await peer_.read_until("* you are in " + room_of(stage_, id_));
    place_.arrive();
    co_await stage_.start.go().get();
    while (true) {
      const std::string news = due_messages();
      if (!news.empty()) co_await peer_.write(news);
      if (sent_ == stage_.what.messages && slowest() == stage_.what.messages) break;
      const std::optional<std::string> line = co_await peer_.read_line();
      if (!line) throw std::runtime_error(fmt::format("talker {} was disconnected", id_));
      take(*line);
    }
    // Whatever comes until the end of the connection comes twice.
    co_await peer_.write("/quit\n");
    while (const std::optional<std::string> line = co_await peer_.read_line())
      take(*line);
  }

private:
  std::size_t slowest() const {
    std::size_t least = stage_.what.messages;
    for (const auto& [nick, count] : heard_)
      least = std::min(least, count);
    return least;
  }

  /// As many messages as may be under way: who is too far ahead of the others would look like a flood.
  std::string due_messages() {
    std::string text;
    for (const std::size_t limit = std::min(stage_.what.messages, slowest() + stage_.what.window); sent_ < limit;) {
      const std::int64_t now = rondo::clock::now().time_since_epoch().count();
      const std::string message = fmt::format("{} {} ", sent_++, now);
      text += fmt::format("{:.<{}}\n", message, stage_.what.size);
      ++stage_.seen.sent;
    }
    return text;
  }

  void take(std::string_view line) {
    if (line.starts_with("* ")) return;
    outcome& seen = stage_.seen;
    const std::string_view nick = take_word(line);
    const auto from = heard_.find(nick);
    if (from == heard_.end()) {
      if (!nick.starts_with("<d") || line != whole_line) ++seen.foreign;
      return;
    }
    const auto number = to_number(take_word(line));
    const auto time = to_number(take_word(line));
    if (!number || !time) {
      ++seen.foreign;
    } else if (const auto n = static_cast<std::size_t>(*number); n < from->second) {
      ++seen.repeated;
    } else {
      if (n > from->second) ++seen.out_of_order;
      from->second = n + 1;
      ++seen.delivered;
      const rondo::clock::time_point now = rondo::clock::now();
      seen.latencies.push_back(now.time_since_epoch() - std::chrono::nanoseconds(*time));
      seen.end = now;
    }
  }

  stage& stage_;
  std::size_t id_;
  place place_;
  peer peer_;
  std::size_t sent_ = 0;
  std::map<std::string, std::size_t, std::less<>> heard_; // by "<nick>": the number of messages
};

/// Something that no chat server should pass on.
std::string garbage(const stage& s, std::size_t kind) {
  switch (kind % 4) {
  case 0:
    return "\x1b[2J\x07 control characters\n";
  case 1:
    return "no UTF-8: \xff\xfe \xc0\xaf\n";
  case 2:
    return std::string(s.what.too_long, 'x') + '\n';
  default:
    return std::string("zero\0bytes\n", 11);
  }
}

/// Enters the room, and in the first round waits for the start.
rondo::awaitable<void> enter(stage& s, peer& p, std::size_t id, std::string nick, place* at_start) {
  co_await p.connect(s.what.address, s.what.port);
  co_await p.write(entry(s, id, nick));
  co_await p.read_until("* you are in " + room_of(s, id));
  if (!at_start) co_return;
  at_start->arrive();
  co_await s.start.go().get();
}

rondo::awaitable<void> drop_line(stage& s, std::size_t id, std::size_t round, place& at_start) {
  peer p;
  co_await enter(s, p, id, fmt::format("d{}-{}", id, round), round == 0 ? &at_start : nullptr);
  co_await p.write(fmt::format("{}\n{}", whole_line, half_line));
  co_await rondo::sleep(10ms);
  p.close(round % 2 == 1);
  ++s.seen.broken_lines;
}

rondo::awaitable<void> send_garbage_until_sent_away(stage& s, std::size_t id, std::size_t round, place& at_start) {
  peer p;
  co_await enter(s, p, id, fmt::format("x{}-{}", id, round), round == 0 ? &at_start : nullptr);
  bool sent_away = false;
  for (std::size_t kind = 0; kind < 20 && !sent_away; ++kind) {
    ++s.seen.not_refused; // until the answer is there
    co_await p.write(garbage(s, kind));
    const std::string answer = co_await p.read_until("! ");
    --s.seen.not_refused;
    ++s.seen.refusals;
    sent_away = answer.ends_with("goodbye");
  }
}

} // namespace

rondo::awaitable<void> talk(stage& s, std::size_t id) {
  talker t(s, id);
  co_await t.run();
}

rondo::awaitable<void> keep_silent(stage& s, std::size_t id) {
  place at_start(s.start);
  peer p;
  co_await p.connect(s.what.address, s.what.port, true);
  co_await p.write(entry(s, id, fmt::format("s{}", id)));
  at_start.arrive();
  co_await rondo::sleep(std::nullopt);
}

rondo::awaitable<void> drop_lines(stage& s, std::size_t id) {
  place at_start(s.start);
  for (std::size_t round = 0; round == 0 || !s.over; ++round) {
    co_await drop_line(s, id, round, at_start);
    co_await rondo::sleep(20ms);
  }
}

rondo::awaitable<void> send_garbage(stage& s, std::size_t id) {
  place at_start(s.start);
  for (std::size_t round = 0; round == 0 || !s.over; ++round) {
    co_await send_garbage_until_sent_away(s, id, round, at_start);
    co_await rondo::sleep(20ms);
  }
}

} // namespace load
