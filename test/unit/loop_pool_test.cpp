// loop_pool and blocking_portal: loops on other threads, and calls into them.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"

#include <rondo/blocking_portal.hpp>
#include <rondo/loop_pool.hpp>
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/thread_event.hpp>
#include <rondo/wait.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <set>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;

namespace {

awaitable<std::thread::id> this_thread() { co_return std::this_thread::get_id(); }
awaitable<int> soon(int value) {
  co_await sleep(1ms);
  co_return value;
}

} // namespace

BOOST_AUTO_TEST_CASE(round_robin_takes_one_loop_after_the_other) {
  loop_pool pool(3);
  BOOST_TEST(pool.size() == 3u);
  std::vector<std::thread::id> threads;
  for (int i = 0; i < 6; ++i)
    threads.push_back(pool.submit(this_thread()).result(30s));
  BOOST_TEST((std::set<std::thread::id>(threads.begin(), threads.end()).size() == 3u));
  for (std::size_t i = 0; i < 3; ++i)
    BOOST_TEST((threads[i] == threads[i + 3]));
}

BOOST_AUTO_TEST_CASE(least_loaded_avoids_the_loops_that_have_work) {
  loop_pool pool(2, pool_policy::least_loaded);
  const auto wait = [](thread_event end) -> awaitable<std::thread::id> {
    co_await end.wait();
    co_return std::this_thread::get_id();
  };
  const thread_event end_of_first, end_of_second, end_of_third;
  const auto first = pool.submit(wait(end_of_first));
  const auto second = pool.submit(wait(end_of_second));
  const auto third = pool.submit(wait(end_of_third)); // there is no better one than that of the first
  end_of_second.set();
  const std::thread::id free = second.result(30s);
  for (int i = 0; i < 4; ++i)
    BOOST_TEST((pool.submit(this_thread()).result(30s) == free));
  end_of_first.set();
  end_of_third.set();
  BOOST_TEST((first.result(30s) != free));
  BOOST_TEST((third.result(30s) != free));
}

BOOST_AUTO_TEST_CASE(a_pool_cancels_its_tasks_when_it_stops) {
  loop_pool pool(2);
  const auto endless = pool.submit(sleep(std::nullopt));
  pool.stop();
  pool.stop();
  BOOST_TEST(endless.cancelled());
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { pool.submit(soon(1)); }), "Event loop is closed"));
}

BOOST_AUTO_TEST_CASE(a_pool_needs_a_thread) {
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { loop_pool pool(0); }), "at least one thread"));
}

BOOST_AUTO_TEST_CASE(a_portal_calls_functions_and_coroutines_on_the_loop) {
  const loop_thread thread;
  const blocking_portal portal(thread.loop());
  const auto its_thread = portal.call([] { return std::this_thread::get_id(); });
  BOOST_TEST((its_thread != std::this_thread::get_id()));
  BOOST_TEST((portal.call(this_thread()) == its_thread));
  int local = 1;
  portal.call([&] { ++local; });
  portal.call([&]() -> awaitable<void> {
    co_await sleep(1ms);
    ++local;
  });
  BOOST_TEST(local == 3);
  BOOST_TEST(*portal.call([] { return std::make_unique<int>(4); }) == 4);
  BOOST_TEST(portal.submit(soon(5)).result(30s) == 5);
  BOOST_TEST(portal.submit([] { return 6; }).result(30s) == 6);
}

BOOST_AUTO_TEST_CASE(a_portal_passes_errors_on) {
  const loop_thread thread;
  const blocking_portal portal(thread.loop());
  BOOST_TEST(thrown<std::runtime_error>([&] { portal.call([] { throw std::runtime_error("plain"); }); }) == "plain");
  BOOST_TEST(thrown<std::runtime_error>([&] {
               portal.call([]() -> awaitable<void> {
                 co_await sleep(1ms);
                 throw std::runtime_error("later");
               });
             }) == "later");
  BOOST_CHECK_THROW(portal.call([]() -> awaitable<void> {
    current_task().cancel();
    co_await sleep(1ms);
  }),
                    future_cancelled);
}

BOOST_AUTO_TEST_CASE(a_portal_does_not_block_a_loop) {
  const loop_thread thread;
  const blocking_portal portal(thread.loop());
  bool begun = false;
  const auto call_again = [&] { portal.call([&] { begun = true; }); };
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { portal.call(call_again); }), "would block the event loop"));
  const auto call_from_another = [&]() -> awaitable<void> {
    call_again();
    co_return;
  };
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { run(call_from_another); }), "would block the event loop"));
  portal.call([] {});
  BOOST_TEST(!begun);
}

BOOST_AUTO_TEST_CASE(a_portal_says_that_its_loop_is_closed) {
  auto thread = std::make_unique<loop_thread>();
  const blocking_portal portal(thread->loop());
  thread.reset();
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { portal.call([] {}); }), "Event loop is closed"));
}

BOOST_AUTO_TEST_CASE(the_first_of_several_results_from_several_loops) {
  loop_pool pool(2);
  const auto fast = pool.submit(soon(1));
  const auto slow = pool.submit(sleep(1h, 2));
  const int first = run([&]() -> awaitable<int> {
    const std::vector<future<int>> both{wrap_future(slow), wrap_future(fast)};
    const auto options = wait_options().timeout(30s).return_when(return_when::first_completed);
    const wait_result<future<int>> result = co_await wait(both, options);
    for (const future<int>& f : result.pending)
      f.cancel();
    co_return result.done.at(0).result();
  });
  BOOST_TEST(first == 1);
  BOOST_TEST(slow.cancelled());
}
