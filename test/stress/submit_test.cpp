// Eight threads submit 100,000 coroutines to one loop and cancel a third of them. Threads are what is tested.
// SPDX-License-Identifier: BSL-1.0
// labels: short
#include <rondo/rondo.hpp>

#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

constexpr int thread_count = 8;
constexpr int each = 12'500; // 100,000 in all

struct tally {
  std::atomic<long> results{0}, errors{0}, cancellations{0}, wrong{0}, callbacks{0};
};

awaitable<int> work(int i) {
  co_await sleep(i % 4 == 0 ? 1ms : 0ms);
  if (i % 7 == 0) throw std::runtime_error(std::to_string(i));
  co_return i;
}

void submit_and_check(const event_loop& loop, int thread, tally& count) {
  std::vector<concurrent_future<int>> futures;
  futures.reserve(each);
  for (int i = 0; i < each; ++i) {
    futures.push_back(run_coroutine_threadsafe(work(thread * each + i), loop));
    futures.back().add_done_callback([&count] { ++count.callbacks; });
    if (i % 3 == 0) futures[static_cast<std::size_t>(i)].cancel();
    if (i % 3 == 1 && i > 50 && i % 2 == 0) futures[static_cast<std::size_t>(i - 50)].cancel();
  }
  for (int i = 0; i < each; ++i) {
    const int number = thread * each + i;
    try {
      const int value = futures[static_cast<std::size_t>(i)].result(60s);
      ++(value == number && number % 7 != 0 ? count.results : count.wrong);
    } catch (const future_cancelled&) {
      ++count.cancellations;
    } catch (const std::runtime_error& e) {
      ++(e.what() == std::to_string(number) && number % 7 == 0 ? count.errors : count.wrong);
    }
  }
}

void check(const event_loop& loop) {
  tally count;
  std::vector<std::thread> threads;
  for (int t = 0; t < thread_count; ++t)
    threads.emplace_back([&, t] { submit_and_check(loop, t, count); });
  for (std::thread& t : threads)
    t.join();
  const long total = count.results + count.errors + count.cancellations;
  std::printf("%ld results, %ld exceptions, %ld cancellations, %ld callbacks\n", count.results.load(),
              count.errors.load(), count.cancellations.load(), count.callbacks.load());
  BOOST_TEST(total == long{thread_count} * each);
  BOOST_TEST(count.wrong == 0);
  BOOST_TEST(count.callbacks == long{thread_count} * each); // each exactly once
  BOOST_TEST(count.cancellations >= long{thread_count} * each / 3);
}

} // namespace

BOOST_AUTO_TEST_CASE(submissions_to_a_loop_thread) {
  loop_thread thread;
  check(thread.loop());
}

BOOST_AUTO_TEST_CASE(submissions_to_a_loop_on_a_strand_of_a_pool) {
  boost::asio::thread_pool pool(4);
  event_loop loop(boost::asio::make_strand(pool.get_executor()));
  auto guard = boost::asio::prefer(loop.get_executor(), boost::asio::execution::outstanding_work.tracked);
  check(loop);
  guard = {};
  pool.stop();
  pool.join();
}
