// SPDX-License-Identifier: BSL-1.0
#include "client.hpp"

#include "connection.hpp"
#include "process.hpp"
#include "say.hpp"
#include "transfers.hpp"

#include <rondo/rondo.hpp>

#include <algorithm>
#include <random>
#include <stdexcept>

namespace bank {

namespace {

using namespace std::chrono_literals;
using rondo::clock;

const std::string me = "client";

struct counts {
  std::size_t done = 0; // that had an outcome, in whatever way
  std::size_t committed = 0;
  std::size_t aborted = 0;
  std::size_t asked = 0; // of which the outcome was found out by `query`
  std::size_t queries = 0;
  std::size_t unknown = 0; // at present
  std::size_t gave_up = 0; // workers without a coordinator
  std::vector<clock::duration> latencies;
};

/// Nobody answers, for too long.
class no_answer : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A connection to the coordinator that comes back after it has broken.
class line_to_coordinator {
public:
  explicit line_to_coordinator(const client_options& o) : options_(o) {}

  /// Asks once; nothing if the connection broke before the answer.
  rondo::awaitable<std::optional<std::string>> ask_once(std::string question) {
    std::optional<std::string> answer;
    try {
      if (!connection_) connection_.emplace(co_await connection::to(options_.coordinator));
      answer = co_await rondo::wait_for(connection_->ask(std::move(question)), options_.patience);
    } catch (const boost::system::system_error&) { // it is away; somebody restarts it
    } catch (const rondo::timeout_error&) {
    }
    if (!answer) connection_.reset();
    co_return answer;
  }

  /// Asks a question that may be asked twice until the answer is one of the kind that is wanted.
  /// Throws: `no_answer` when the patience is over.
  rondo::awaitable<std::string> ask(std::string question, std::string_view wanted) {
    const clock::time_point end = clock::now() + options_.patience;
    std::string last = "nobody is there";
    for (auto pause = 10ms; clock::now() < end; pause = std::min(pause * 2, 500ms)) {
      const std::optional<std::string> answer = co_await ask_once(question);
      if (answer && answer->starts_with(wanted)) co_return *answer;
      if (answer) last = *answer;
      co_await rondo::sleep(pause);
    }
    throw no_answer(fmt::format("no answer to '{}' from {}:{}: {}", question, options_.coordinator.host,
                                options_.coordinator.port, last));
  }

private:
  const client_options& options_;
  std::optional<connection> connection_;
};

/// Draws transfers at random, or gives the only one.
class plan {
public:
  plan(const client_options& o, std::vector<std::string> shards, std::uint64_t seed)
      : options_(o), shards_(std::move(shards)), random_(seed) {}

  transfer next() {
    transfer t;
    if (options_.single) {
      t.from = account(options_.single->from);
      t.to = account(options_.single->to);
      t.amount = options_.single->amount;
      return t;
    }
    const std::size_t from = below(shards_.size());
    const bool same = shards_.size() == 1 || below(100) < static_cast<std::size_t>(options_.same_shard);
    const std::size_t to = same ? from : (from + 1 + below(shards_.size() - 1)) % shards_.size();
    t.from = {shards_[from], below(options_.accounts)};
    t.to = {shards_[to], below(options_.accounts)};
    if (t.from == t.to) t.to.number = (t.to.number + 1) % options_.accounts;
    t.amount = static_cast<money>(1 + below(static_cast<std::size_t>(options_.greatest)));
    return t;
  }

private:
  static account_name account(const std::string& text) {
    const auto name = account_name::parse(text);
    if (!name) throw std::runtime_error("'" + text + "' is not an account: SHARD/NUMBER");
    return *name;
  }

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

  const client_options& options_;
  std::vector<std::string> shards_;
  std::mt19937_64 random_;
};

class client {
public:
  explicit client(client_options o) : options_(std::move(o)), journal_(options_.journal) {}

  rondo::awaitable<std::size_t> run();

private:
  rondo::awaitable<plan> make_plan();
  rondo::awaitable<void> stop_when_told();
  rondo::awaitable<void> ask_open_questions();
  rondo::awaitable<void> work();
  rondo::awaitable<void> make(line_to_coordinator& line, transfer t);
  rondo::awaitable<void> find_out(line_to_coordinator& line, transfer t);
  bool take_answer(transfer& t, const std::optional<std::string>& answer);
  bool finished() const;
  std::string progress() const;
  void report(clock::duration took);

  client_options options_;
  transfer_journal journal_;
  std::optional<plan> plan_;
  counts seen_;
  std::size_t begun_ = 0;
  bool stopping_ = false;
  clock::time_point end_;
};

rondo::awaitable<std::size_t> client::run() {
  const rondo::task<void> stop = rondo::create_task(stop_when_told(), rondo::task_options().eager(true));
  plan_.emplace(co_await make_plan());
  co_await ask_open_questions();

  const clock::time_point begin = clock::now();
  end_ = begin + options_.time;
  const rondo::task<void> reports = rondo::create_task(report_changes(me, [this] { return progress(); }));
  co_await rondo::with_task_group([&](rondo::task_group& group) {
    for (std::size_t i = 0; i < options_.in_flight; ++i)
      group.create_task(work(), rondo::task_options().name(fmt::format("worker {}", i)));
  });
  co_await rondo::cancel_and_wait(reports);
  report(clock::now() - begin);
  co_return seen_.unknown + seen_.gave_up;
}

rondo::awaitable<void> client::stop_when_told() {
  co_await stop_signal();
  stopping_ = true;
}

rondo::awaitable<plan> client::make_plan() {
  const std::uint64_t seed = options_.seed ? *options_.seed : std::random_device()();
  line_to_coordinator line(options_);
  const std::string answer = co_await line.ask("shards", "shards ");
  std::vector<std::string> shards;
  for (const std::string_view name : words_of(answer))
    shards.emplace_back(name);
  shards.erase(shards.begin());
  if (!options_.single)
    say(me, "transfers between {} shards, {} in flight, seed {}", shards.size(), options_.in_flight, seed);
  co_return plan(options_, std::move(shards), seed);
}

rondo::awaitable<void> client::ask_open_questions() {
  const std::vector<transfer> open = journal_.open_questions();
  if (open.empty()) co_return;
  say(me, "asking what became of {} transfers of an earlier run", open.size());
  line_to_coordinator line(options_);
  for (const transfer& t : open)
    co_await find_out(line, t);
}

bool client::finished() const {
  const bool all = options_.transfers > 0 && begun_ >= options_.transfers;
  return stopping_ || all || (options_.time > 0ms && clock::now() >= end_);
}

rondo::awaitable<void> client::work() {
  line_to_coordinator line(options_);
  try {
    while (!finished()) {
      ++begun_;
      transfer t = plan_->next();
      const std::string answer = co_await line.ask("begin", "begun ");
      t.transaction = answer.substr(std::string_view("begun ").size());
      co_await make(line, std::move(t));
    }
  } catch (const no_answer& e) {
    ++seen_.gave_up;
    if (!std::exchange(stopping_, true)) say(me, "giving up: {}", e.what());
  }
}

rondo::awaitable<void> client::make(line_to_coordinator& line, transfer t) {
  const clock::time_point begin = clock::now();
  t.number = journal_.next_number();
  journal_.requested(t); // before the coordinator hears of it: from now on it may happen
  const std::optional<std::string> answer = co_await line.ask_once(
      fmt::format("transfer {} {} {} {}", t.transaction, t.from.to_string(), t.to.to_string(), t.amount));
  if (take_answer(t, answer)) {
    seen_.latencies.push_back(clock::now() - begin);
    co_return;
  }
  co_await find_out(line, std::move(t));
}

/// Whether the answer was the last word.
bool client::take_answer(transfer& t, const std::optional<std::string>& answer) {
  if (!answer) return false;
  const std::vector<std::string_view> words = words_of(*answer, 3);
  std::string_view why = words.size() == 3 ? words[2] : "";
  if (words[0] == "committed") {
    t.what = transfer::state::committed;
    ++seen_.committed;
  } else if (words[0] == "aborted" || words[0] == "error") { // an error: it was not even tried
    if (words[0] == "error") why = std::string_view(*answer).substr(std::string_view("error ").size());
    t.what = transfer::state::aborted;
    ++seen_.aborted;
  } else {
    t.what = transfer::state::unknown;
  }
  journal_.answered(t, why);
  if (!t.settled()) return false;
  ++seen_.done;
  if (options_.single) say(me, "{}{}{}", to_string(t.what), why.empty() ? "" : ": ", why);
  return true;
}

rondo::awaitable<void> client::find_out(line_to_coordinator& line, transfer t) {
  ++seen_.unknown;
  const clock::time_point end = clock::now() + options_.patience;
  for (auto pause = 10ms; clock::now() < end; pause = std::min(pause * 2, 500ms)) {
    ++seen_.queries;
    const std::optional<std::string> answer = co_await line.ask_once("query " + t.transaction);
    const bool known = answer && (answer->starts_with("committed") || answer->starts_with("aborted"));
    if (known && take_answer(t, answer)) {
      --seen_.unknown;
      ++seen_.asked;
      co_return;
    }
    co_await rondo::sleep(pause);
  }
  say(me, "could not find out what became of transfer {}, {}", t.number, t.transaction);
}

std::string client::progress() const {
  return fmt::format("{} transfers: {} committed, {} aborted, {} unknown at present", grouped(seen_.done),
                     grouped(seen_.committed), grouped(seen_.aborted), seen_.unknown);
}

void client::report(clock::duration took) {
  const double seconds = std::chrono::duration<double>(took).count();
  say(me, "{} transfers in {:.1f} s, {:.0f} per second: {} committed, {} aborted, {} unknown", grouped(seen_.done),
      seconds, static_cast<double>(seen_.done) / seconds, grouped(seen_.committed), grouped(seen_.aborted),
      seen_.unknown);
  if (seen_.queries > 0)
    say(me, "{} replies were lost; {} of these outcomes were found out, with {} queries", seen_.asked + seen_.unknown,
        seen_.asked, seen_.queries);
  std::ranges::sort(seen_.latencies);
  const auto at = [&](double q) {
    const auto place = static_cast<std::size_t>(q * static_cast<double>(seen_.latencies.size() - 1));
    return std::chrono::duration<double, std::milli>(seen_.latencies[place]).count();
  };
  if (!seen_.latencies.empty() && !options_.single)
    say(me, "latency p50 {:.1f} ms, p90 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms", at(0.5), at(0.9), at(0.99), at(1));
}

} // namespace

rondo::awaitable<std::size_t> run_client(client_options o) {
  client self(std::move(o));
  co_return co_await self.run();
}

} // namespace bank
