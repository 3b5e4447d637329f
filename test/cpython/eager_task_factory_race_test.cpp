// CPython's test_eager_task_factory: a staggered race of eager tasks. rondo has no such function; the one here, with
// what users have, works as asyncio's does, in which a task that ran before its creator had noted it once did harm
// (gh-124309).
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::text_in;

namespace {

using contestant = std::function<awaitable<std::string>()>;

/// Starts the contestants one after the other: the next when `delay` has passed or the one before has failed. The first
/// that gives a value wins, and the others are cancelled.
class staggered_race {
public:
  staggered_race(std::vector<contestant> contestants, time_limit delay)
      : contestants_(std::move(contestants)), delay_(delay) {}

  awaitable<void> run() {
    start(nullptr);
    while (!running_.empty()) {
      all_ended_ = get_running_loop().create_future<void>();
      co_await all_ended_.get();
    }
  }

  std::string winner;
  std::optional<std::size_t> index;
  std::vector<std::exception_ptr> errors; // of those that were started

private:
  using shared_event = std::shared_ptr<event>;

  void start(shared_event previous_failed) {
    const auto noted = std::make_shared<event>();
    auto t = create_task(run_one(noted, std::move(previous_failed)));
    running_.insert(t);
    t.add_done_callback([this](const any_task& done) {
      running_.erase(done);
      if (running_.empty() && all_ended_ && !all_ended_.done()) all_ended_.set_result();
    });
    noted->set();
  }

  awaitable<void> run_one(shared_event noted, shared_event previous_failed) {
    co_await noted->wait();
    if (previous_failed) co_await settle(wait_for(previous_failed->wait(), delay_));
    if (next_ == contestants_.size()) co_return;
    const std::size_t self = next_++;
    const auto failed = std::make_shared<event>();
    start(failed);
    errors.push_back(nullptr);
    try {
      winner = co_await contestants_[self]();
      index = self;
      for (const any_task& t : running_)
        if (t != current_task()) t.cancel();
    } catch (...) {
      errors[self] = std::current_exception();
      failed->set();
    }
  }

  const std::vector<contestant> contestants_;
  const time_limit delay_;
  std::size_t next_ = 0;
  std::set<any_task> running_;
  future<void> all_ended_;
};

awaitable<std::string> text_after(time_limit d, std::string text) {
  co_await sleep(d);
  co_return text;
}

awaitable<std::string> fail() {
  throw std::invalid_argument("no good");
  co_return "";
}

awaitable<std::string> fail_later() {
  co_await sleep(0s);
  throw std::invalid_argument("no good");
}

awaitable<std::string> blocked() {
  const auto fut = get_running_loop().create_future<std::string>();
  co_return co_await fut.get();
}

void run_eagerly(staggered_race& race) {
  testing::run_virtual([&]() -> awaitable<void> {
    get_running_loop().set_task_factory(eager_task_factory);
    co_await race.run();
  });
}

} // namespace

BOOST_AUTO_TEST_CASE(test_staggered_race_with_eager_tasks) {
  const auto sleep1 = [] { return text_after(1s, "sleep1"); };
  staggered_race race({blocked, sleep1, fail_later}, 250ms);
  run_eagerly(race);
  BOOST_TEST(race.winner == "sleep1");
  BOOST_TEST((race.index == 1u));
  BOOST_REQUIRE(race.errors.size() == 3u);
  BOOST_TEST(text_in<cancelled_error>(race.errors[0]) == "");
  BOOST_TEST(!race.errors[1]);
  BOOST_TEST(text_in<std::invalid_argument>(race.errors[2]) == "no good");
}

BOOST_AUTO_TEST_CASE(test_staggered_race_with_eager_tasks_no_delay) {
  const auto sleep1 = [] { return text_after(1s, "sleep1"); };
  const auto sleep0 = [] { return text_after(0s, "sleep0"); };
  staggered_race race({fail, sleep1, sleep0}, std::nullopt);
  run_eagerly(race);
  BOOST_TEST(race.winner == "sleep1");
  BOOST_TEST((race.index == 1u));
  BOOST_REQUIRE(race.errors.size() == 2u);
  BOOST_TEST(text_in<std::invalid_argument>(race.errors[0]) == "no good");
  BOOST_TEST(!race.errors[1]);
}
