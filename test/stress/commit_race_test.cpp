// Commit arrives on one loop, rollback on another, and a third thread waits for the first of both; threads are what is
// tested.
// SPDX-License-Identifier: BSL-1.0
// labels: short
#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <fmt/format.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

constexpr int rounds = 10'000;

/// What one side waits for, and whether its task has ended.
struct side {
  thread_event arrived;
  thread_event ended;
};

/// Says that the frame of a coroutine has gone, also if it was cancelled before it began.
class ended_guard {
public:
  explicit ended_guard(const thread_event& e) noexcept : event_(e) {}
  ended_guard(ended_guard&& other) noexcept : event_(other.event_), armed_(std::exchange(other.armed_, false)) {}
  ~ended_guard() {
    if (armed_) event_.set();
  }

private:
  thread_event event_;
  bool armed_ = true;
};

awaitable<std::string> wait_for_message(side s, std::string message, ended_guard) {
  co_await s.arrived.wait();
  co_return message;
}

struct decision {
  std::string message;
  bool loser_cancelled = false;
};

awaitable<decision> first_of(concurrent_future<std::string> commit, concurrent_future<std::string> rollback) {
  const std::vector<future<std::string>> both{wrap_future(commit), wrap_future(rollback)};
  const auto options = wait_options().timeout(5s).return_when(return_when::first_completed);
  const wait_result<future<std::string>> result = co_await wait(both, options);
  decision d;
  BOOST_TEST_REQUIRE(!result.done.empty());
  d.message = result.done.front().result();
  for (const future<std::string>& loser : result.pending) {
    loser.cancel();
    const settled<std::string> end = co_await settle(loser);
    d.loser_cancelled = end.cancelled();
  }
  co_return d;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_first_of_commit_and_rollback_decides) {
  loop_pool pool(2);
  const std::vector<event_loop> loops = pool.loops();
  loop_pool messengers(2); // the threads on which messages come in
  const std::vector<event_loop> from = messengers.loops();
  runner third;
  int commits = 0, rollbacks = 0, cancelled = 0;
  for (int i = 0; i < rounds; ++i) {
    side commit, rollback;
    const auto c = run_coroutine_threadsafe(wait_for_message(commit, "commit", ended_guard(commit.ended)), loops[0]);
    const auto r =
        run_coroutine_threadsafe(wait_for_message(rollback, "rollback", ended_guard(rollback.ended)), loops[1]);
    // In turns only one of them comes, or both.
    if (i % 3 != 1) from[0].call_soon_threadsafe([e = commit.arrived] { e.set(); });
    if (i % 3 != 0) from[1].call_soon_threadsafe([e = rollback.arrived] { e.set(); });
    const decision d = third.run(first_of(c, r));
    BOOST_TEST_REQUIRE((d.message == "commit" || d.message == "rollback"));
    if (i % 3 == 0) BOOST_TEST_REQUIRE(d.message == "commit");
    if (i % 3 == 1) BOOST_TEST_REQUIRE(d.message == "rollback");
    if (i % 3 != 2) BOOST_TEST_REQUIRE(d.loser_cancelled);
    ++(d.message == "commit" ? commits : rollbacks);
    cancelled += d.loser_cancelled ? 1 : 0;
    // The tasks of both sides end, that of the loser by its cancellation.
    BOOST_TEST_REQUIRE(commit.ended.blocking_wait(5s));
    BOOST_TEST_REQUIRE(rollback.ended.blocking_wait(5s));
  }
  fmt::print("{} races: {} commits, {} rollbacks, {} losers cancelled\n", rounds, commits, rollbacks, cancelled);
  BOOST_TEST(commits + rollbacks == rounds);
}
