// A thread_queue between threads and loops, with cancellations and timeouts all the time. Threads are what is tested.
// SPDX-License-Identifier: BSL-1.0
// labels: short
#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <fmt/format.h>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

#ifdef NDEBUG
constexpr int item_count = 1'000'000;
#else
constexpr int item_count = 100'000;
#endif
constexpr int threads_each = 4; // that produce, and that consume
constexpr int loops = 2;
constexpr int tasks_each = 2; // on each loop: that produce, and that consume
constexpr int producers = threads_each + loops * tasks_each;
constexpr std::size_t room = 64;

using item = std::unique_ptr<int>;
using items = std::vector<int>;

/// What happened beside the passing of items.
struct tally {
  std::atomic<long> timeouts{0}, cancellations{0}, stops{0}, lost{0};
};

struct range {
  int next, end;
};

range share_of(int producer) {
  return {static_cast<int>(long{item_count} * producer / producers),
          static_cast<int>(long{item_count} * (producer + 1) / producers)};
}

/// One call of a hundred has next to no time.
time_limit some_limit(std::minstd_rand& random) {
  if (random() % 100 != 0) return std::nullopt;
  return std::chrono::microseconds(random() % 50);
}

void produce_on_thread(const thread_queue<item>& q, int producer, tally& count) {
  std::minstd_rand random(static_cast<unsigned>(producer) + 1);
  range r = share_of(producer);
  while (r.next < r.end) {
    auto x = std::make_unique<int>(r.next);
    try {
      q.blocking_put(std::move(x), some_limit(random));
      ++r.next;
    } catch (const timeout_error&) {
      ++count.timeouts;
      if (!x) ++count.lost;
    }
  }
}

void consume_on_thread(const thread_queue<item>& q, items& got, tally& count) {
  std::minstd_rand random(static_cast<unsigned>(got.capacity()) + 7);
  for (;;) {
    std::stop_source stop;
    if (random() % 500 == 0) stop.request_stop();
    try {
      got.push_back(*q.blocking_get(some_limit(random), stop.get_token()));
    } catch (const timeout_error&) {
      ++count.timeouts;
    } catch (const cancelled_error&) {
      ++count.stops;
    } catch (const queue_shut_down&) {
      return;
    }
  }
}

awaitable<void> produce(thread_queue<item> q, range& r, tally& count, unsigned seed) {
  std::minstd_rand random(seed);
  while (r.next < r.end) {
    auto x = std::make_unique<int>(r.next);
    try {
      co_await wait_for(q.put(std::move(x)), some_limit(random));
      ++r.next;
    } catch (const timeout_error&) {
      ++count.timeouts;
      if (!x) ++count.lost;
    } catch (const cancelled_error&) {
      ++count.cancellations;
      if (!x) ++count.lost;
      throw;
    }
  }
}

awaitable<void> consume(thread_queue<item> q, items& got, tally& count, unsigned seed) {
  std::minstd_rand random(seed);
  for (;;) {
    try {
      got.push_back(*co_await wait_for(q.get(), some_limit(random)));
    } catch (const timeout_error&) {
      ++count.timeouts;
    } catch (const cancelled_error&) {
      ++count.cancellations;
      throw;
    } catch (const queue_shut_down&) {
      co_return;
    }
  }
}

/// Cancels a worker again and again and starts it anew, until it ends by itself.
template <class Start>
awaitable<void> disturb(Start start, unsigned seed) {
  std::minstd_rand random(seed);
  for (;;) {
    const task<void> t = start();
    const bool ended = co_await move_on_after(std::chrono::microseconds(random() % 2000),
                                              [&]() -> awaitable<void> { co_await shield(t).get(); });
    if (!ended) co_await cancel_and_wait(t);
    if (t.cancelled()) continue;
    t.result();
    co_return;
  }
}

awaitable<void> disturbed_producer(thread_queue<item> q, int producer, tally& count) {
  range r = share_of(producer);
  unsigned seed = static_cast<unsigned>(producer) * 1000;
  const auto start = [&] { return create_task(produce(q, r, count, ++seed)); };
  co_await disturb(start, seed);
}

awaitable<void> disturbed_consumer(thread_queue<item> q, items& got, tally& count, unsigned seed) {
  const auto start = [&] { return create_task(consume(q, got, count, ++seed)); };
  co_await disturb(start, seed);
}

/// Runs everything, closes the queue when all is put, and returns what each consumer got.
std::vector<items> run_all(tally& count) {
  thread_queue<item> q(room);
  loop_pool pool(loops);
  std::vector<items> got(threads_each + loops * tasks_each);
  std::vector<std::thread> producing, consuming;
  std::vector<concurrent_future<void>> puts, gets;
  std::size_t c = 0;
  for (int i = 0; i < threads_each; ++i, ++c)
    consuming.emplace_back([&, c] { consume_on_thread(q, got[c], count); });
  for (int i = 0; i < loops * tasks_each; ++i, ++c)
    gets.push_back(pool.submit(disturbed_consumer(q, got[c], count, static_cast<unsigned>(c) * 777)));
  for (int p = 0; p < threads_each; ++p)
    producing.emplace_back([&, p] { produce_on_thread(q, p, count); });
  for (int p = threads_each; p < producers; ++p)
    puts.push_back(pool.submit(disturbed_producer(q, p, count)));
  for (std::thread& t : producing)
    t.join();
  for (const auto& f : puts)
    f.result();
  q.close();
  for (std::thread& t : consuming)
    t.join();
  for (const auto& f : gets)
    f.result();
  BOOST_TEST(q.qsize() == 0u);
  return got;
}

double per_second(std::chrono::steady_clock::time_point begin) {
  return item_count / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// What people write by hand.
class plain_queue {
public:
  void put(int x) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return items_.size() < room; });
    items_.push_back(x);
    has_items_.notify_one();
  }
  int get() {
    std::unique_lock lock(mutex_);
    has_items_.wait(lock, [&] { return !items_.empty(); });
    const int x = items_.front();
    items_.pop_front();
    has_room_.notify_one();
    return x;
  }

private:
  std::mutex mutex_;
  std::condition_variable has_items_, has_room_;
  std::deque<int> items_;
};

template <class Put, class Get>
double throughput(Put put, Get get) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < threads_each; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < item_count / threads_each; ++k)
        put(k);
    });
    threads.emplace_back([&] {
      for (int k = 0; k < item_count / threads_each; ++k)
        get();
    });
  }
  for (std::thread& t : threads)
    t.join();
  return per_second(begin);
}

} // namespace

BOOST_AUTO_TEST_CASE(every_item_arrives_once_in_spite_of_cancellations_and_timeouts) {
  tally count;
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<items> got = run_all(count);
  const double speed = per_second(begin);
  items all;
  for (const items& some : got)
    all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  BOOST_TEST(all.size() == static_cast<std::size_t>(item_count));
  BOOST_TEST((std::adjacent_find(all.begin(), all.end()) == all.end()));
  BOOST_TEST(count.lost == 0);
  fmt::print("{} items, {} timeouts, {} cancellations, {} stops: {:.0f} items a second\n", all.size(),
             count.timeouts.load(), count.cancellations.load(), count.stops.load(), speed);
  BOOST_TEST(count.timeouts > 0);
  BOOST_TEST(count.cancellations > 0);
}

BOOST_AUTO_TEST_CASE(throughput_between_threads) {
  thread_queue<int> q(room);
  const double ours = throughput([&](int x) { q.blocking_put(x); }, [&] { return q.blocking_get(); });
  plain_queue p;
  const double plain = throughput([&](int x) { p.put(x); }, [&] { return p.get(); });
  fmt::print("{} threads put, {} get, room for {}: thread_queue {:.0f}, mutex and condition variables {:.0f} items a "
             "second\n",
             threads_each, threads_each, room, ours, plain);
  BOOST_TEST(q.qsize() == 0u);
}
