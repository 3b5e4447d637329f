// Cancels the user of each combinator at every turn that it takes: nothing is lost, nobody is left behind who should not
// be, and the count of requests is what asyncio leaves.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using rondo::awaitable;
namespace testing = rondo::testing;

namespace {

/// What lives of the children of a combinator.
struct census {
  int begun = 0;
  int ended = 0;
};

class member {
public:
  explicit member(census& c) : census_(&c) { ++c.begun; }
  member(const member&) = delete;
  member& operator=(const member&) = delete;
  ~member() { ++census_->ended; }

private:
  census* census_;
};

/// A child that takes some turns; its clean-up takes one more, as that of real ones does.
awaitable<int> child(census& c, int turns) {
  const member self(c);
  std::exception_ptr error;
  try {
    co_await testing::passes(turns);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    co_await rondo::sleep(0s);
    std::rethrow_exception(error);
  }
  co_return turns;
}

struct resource {
  census& c;
  std::optional<member> open;

  awaitable<void> aenter() {
    co_await rondo::sleep(0s);
    open.emplace(c);
  }
  awaitable<void> aexit(std::exception_ptr) {
    open.reset();
    co_return;
  }
};

rondo::async_generator<int> count_to(census& c, int n) {
  const member self(c);
  for (int i = 1; i <= n; ++i) {
    co_await rondo::sleep(0s);
    co_yield i;
  }
}

/// Who lives on when the user of a combinator was cancelled.
enum class children { end_first, live_on };

struct scenario {
  const char* name;
  children fate;
  std::function<awaitable<void>(census&)> use;
};

const scenario scenarios[] = {
    {"gather", children::end_first,
     [](census& c) -> awaitable<void> {
       auto [a, b, d] = (co_await rondo::gather(child(c, 1), child(c, 2), child(c, 3)));
       BOOST_TEST(a + b + d == 6);
     }},
    {"gather of a vector", children::end_first,
     [](census& c) -> awaitable<void> {
       std::vector<awaitable<int>> sources;
       for (int i = 1; i <= 3; ++i)
         sources.push_back(child(c, i));
       const std::vector<int> results = co_await rondo::gather(std::move(sources));
       BOOST_TEST(results.size() == 3u);
     }},
    {"gather_settled", children::end_first,
     [](census& c) -> awaitable<void> { co_await rondo::gather_settled(child(c, 1), child(c, 3)); }},
    {"wait", children::live_on,
     [](census& c) -> awaitable<void> {
       std::vector<rondo::task<int>> tasks;
       for (int i = 1; i <= 3; ++i)
         tasks.push_back(rondo::create_task(child(c, 2 * i)));
       co_await rondo::wait(tasks);
     }},
    {"wait_for", children::end_first,
     [](census& c) -> awaitable<void> { BOOST_TEST(co_await rondo::wait_for(child(c, 4), 1h) == 4); }},
    {"wait_for of a task", children::end_first,
     [](census& c) -> awaitable<void> {
       auto t = rondo::create_task(child(c, 4));
       BOOST_TEST(co_await rondo::wait_for(t, 1h) == 4);
     }},
    {"with_timeout", children::end_first,
     [](census& c) -> awaitable<void> {
       BOOST_TEST(co_await rondo::with_timeout(1h, [&] { return child(c, 4); }) == 4);
     }},
    {"shield", children::live_on,
     [](census& c) -> awaitable<void> { BOOST_TEST(co_await rondo::shield(child(c, 4)) == 4); }},
    {"as_completed", children::live_on,
     [](census& c) -> awaitable<void> {
       std::vector<rondo::task<int>> tasks;
       for (int i = 1; i <= 3; ++i)
         tasks.push_back(rondo::create_task(child(c, 2 * i)));
       auto results = rondo::as_completed(tasks);
       while (auto next = co_await results.next())
         co_await next->get();
     }},
    {"with_task_group", children::end_first,
     [](census& c) -> awaitable<void> {
       co_await rondo::with_task_group([&](rondo::task_group& group) -> awaitable<void> {
         group.create_task(child(c, 2));
         co_await testing::passes(2);
         group.create_task(child(c, 4));
         co_await group.join();
         group.create_task(child(c, 3));
       });
     }},
    {"task_group::start", children::end_first,
     [](census& c) -> awaitable<void> {
       co_await rondo::with_task_group([&](rondo::task_group& group) -> awaitable<void> {
         auto server = [&](rondo::task_status<int>& status) -> awaitable<void> {
           const member self(c);
           co_await testing::passes(2);
           status.started(7);
           co_await testing::passes(2);
         };
         BOOST_TEST(co_await group.start(server) == 7);
       });
     }},
    {"nested groups", children::end_first,
     [](census& c) -> awaitable<void> {
       co_await rondo::with_task_group([&](rondo::task_group& outer) -> awaitable<void> {
         outer.create_task(child(c, 5));
         co_await rondo::with_task_group([&](rondo::task_group& inner) { inner.create_task(child(c, 3)); });
       });
     }},
    {"join", children::end_first,
     [](census& c) -> awaitable<void> { co_await rondo::join(child(c, 1), child(c, 3), rondo::sleep(0s)); }},
    {"race", children::end_first, [](census& c) -> awaitable<void> { co_await rondo::race(child(c, 3), child(c, 6)); }},
    {"map_concurrent", children::end_first,
     [](census& c) -> awaitable<void> {
       const std::vector<int> turns{3, 1, 2, 1, 2};
       auto f = [&](int n) { return child(c, n); };
       co_await rondo::map_concurrent(turns, f, 2);
     }},
    {"with_cancel_scope", children::end_first,
     [](census& c) -> awaitable<void> { co_await rondo::with_cancel_scope([&] { return child(c, 4); }); }},
    {"move_on_after", children::end_first,
     [](census& c) -> awaitable<void> { co_await rondo::move_on_after(1h, [&] { return child(c, 4); }); }},
    {"fail_after", children::end_first,
     [](census& c) -> awaitable<void> { co_await rondo::fail_after(1h, [&] { return child(c, 4); }); }},
    {"async_generator", children::end_first,
     [](census& c) -> awaitable<void> {
       auto numbers = count_to(c, 4);
       while (auto n = co_await numbers.next())
         co_await rondo::sleep(0s);
       co_await numbers.aclose();
     }},
    {"with", children::end_first,
     [](census& c) -> awaitable<void> {
       resource a{c, {}};
       resource b{c, {}};
       co_await rondo::with(a, b, [&] { return child(c, 2); });
     }},
    {"with_exit_stack", children::end_first,
     [](census& c) -> awaitable<void> {
       resource a{c, {}};
       co_await rondo::with_exit_stack([&](rondo::exit_stack& stack) -> awaitable<void> {
         co_await stack.enter(a);
         co_await child(c, 2);
       });
     }},
    {"finally", children::end_first,
     [](census& c) -> awaitable<void> {
       co_await rondo::finally([&] { return child(c, 2); }, [&] { return child(c, 3); });
     }},
};

/// Cancels the user after some turns. Returns true if it had ended before.
awaitable<bool> cancel_after(const scenario& s, int turns) {
  census c;
  auto use = [&] { return s.use(c); };
  auto user = rondo::create_task(use);
  co_await testing::passes(turns);
  const bool was_done = user.done();
  BOOST_TEST(user.cancel("enough") == !was_done);
  co_await rondo::settle(user);
  BOOST_TEST(user.cancelled() == !was_done);
  BOOST_TEST(user.cancelling() == (was_done ? 0 : 1));
  if (s.fate == children::end_first) {
    BOOST_TEST(c.ended == c.begun);
    BOOST_TEST(rondo::all_tasks().size() == 1u);
  }
  co_await testing::settle_all();
  BOOST_TEST(c.ended == c.begun);
  BOOST_TEST(rondo::all_tasks().size() == 1u);
  co_return was_done;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_user_of_each_combinator_is_cancelled_at_every_turn) {
  for (const scenario& s : scenarios) {
    BOOST_TEST_INFO_SCOPE(s.name);
    int turns = 0;
    for (bool ended = false; !ended; ++turns) {
      BOOST_TEST_INFO_SCOPE("after turns: " << turns);
      BOOST_REQUIRE(turns < 100);
      ended = testing::run_virtual([&] { return cancel_after(s, turns); });
    }
    BOOST_TEST(turns > 4); // otherwise the scenario tests nothing
  }
}
