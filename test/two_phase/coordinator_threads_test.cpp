// Coordinators that are used from other threads: their loop is a background thread's, or a strand of a pool.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "shell_support.hpp"

#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <thread>

using namespace shell_test;
namespace asio = boost::asio;

namespace {

/// Counts on any thread; its hooks belong to one loop.
struct tally {
  std::atomic<int> prepared = 0, committed = 0, rolled_back = 0;
  std::atomic<bool> slow = false;

  std::unique_ptr<resource> make() {
    return make_resource(
        [this]() -> awaitable<bool> {
          ++prepared;
          if (slow) co_await sleep(1h);
          co_return true;
        },
        [this] { ++committed; }, [this] { ++rolled_back; });
  }
};

struct background_shop {
  background_shop() {
    owner.add_resource(named("a"), *first);
    owner.add_resource(named("b"), *second);
  }

  tally counts;
  std::unique_ptr<resource> first = counts.make(), second = counts.make();
  memory_log log;
  coordinator owner{named("shop"), log};
};

void enlist_both(transaction& tx) {
  tx.enlist(named("a"));
  tx.enlist(named("b"));
}

} // namespace

BOOST_AUTO_TEST_CASE(transactions_from_other_loops) {
  background_shop shop;
  loop_thread home;
  home.submit(shop.owner.start()).result(10s);
  auto client = [&shop]() -> awaitable<int> {
    int committed = 0;
    for (int i = 0; i < 200; ++i) {
      transaction tx = co_await shop.owner.begin();
      enlist_both(tx);
      if ((co_await tx.commit()).committed()) ++committed;
      if (co_await tx.wait_for_close() != wait_status::succeeded) committed -= 1000;
    }
    co_return committed;
  };
  loop_thread one, two;
  const auto from_one = one.submit(client);
  const auto from_two = two.submit(client);
  BOOST_TEST(run(client) == 200);
  BOOST_TEST(from_one.result(60s) == 200);
  BOOST_TEST(from_two.result(60s) == 200);
  BOOST_TEST(shop.counts.committed == 1200);
  home.submit(shop.owner.stop()).result(10s);
}

BOOST_AUTO_TEST_CASE(transactions_from_threads_without_a_loop) {
  background_shop shop;
  loop_thread home;
  home.submit(shop.owner.start()).result(10s);
  transaction tx = shop.owner.async_begin({}, asio::use_future).get();
  enlist_both(tx);
  BOOST_TEST(tx.async_commit(asio::use_future).get().committed());
  BOOST_TEST((tx.async_wait_for_close(10s, asio::use_future).get() == wait_status::succeeded));
  BOOST_TEST((shop.owner.async_query(tx.id(), asio::use_future).get() == decision::unknown)); // of this start, and over
  BOOST_TEST(shop.owner.async_list(asio::use_future).get().empty());
  {
    transaction dropped = shop.owner.async_begin({}, asio::use_future).get();
  }
  shop.owner.async_stop(1s, asio::use_future).get();
  BOOST_TEST(shop.owner.statistics().aborted == 1u);
  BOOST_CHECK_THROW(shop.owner.async_begin({}, asio::use_future).get(), std::system_error);
}

BOOST_AUTO_TEST_CASE(a_cancellation_from_another_loop_rolls_back_and_is_delivered_later) {
  background_shop shop;
  shop.counts.slow = true;
  loop_thread home;
  home.submit(shop.owner.start()).result(10s);
  run([&shop]() -> awaitable<void> {
    std::optional<commit_result> result;
    bool delivered = false;
    auto work = [&]() -> awaitable<void> {
      transaction tx = co_await shop.owner.begin();
      enlist_both(tx);
      result = co_await tx.commit();
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
        delivered = true;
      }
    };
    const auto running = create_task(work);
    while (shop.counts.prepared < 2)
      co_await sleep(1ms);
    running.cancel();
    co_await running.get();
    BOOST_REQUIRE(result);
    BOOST_TEST((result->code() == errc::cancelled));
    BOOST_TEST(delivered);
  });
  home.submit(shop.owner.stop()).result(10s);
}

BOOST_AUTO_TEST_CASE(a_coordinator_on_a_strand_of_a_pool) {
  background_shop shop;
  asio::thread_pool pool(2);
  const event_loop home(asio::make_strand(pool));
  run_coroutine_threadsafe(shop.owner.start(), home).result(10s);
  run([&shop]() -> awaitable<void> {
    for (int i = 0; i < 100; ++i) {
      transaction tx = co_await shop.owner.begin();
      enlist_both(tx);
      BOOST_TEST((co_await tx.commit()).committed());
    }
  });
  run_coroutine_threadsafe(shop.owner.stop(), home).result(10s);
  pool.join();
}

BOOST_AUTO_TEST_CASE(a_coordinator_that_is_destroyed_on_another_thread) {
  memory_log log;
  tally counts;
  const auto work = counts.make();
  loop_thread home;
  concurrent_future<commit_result> waiting;
  {
    coordinator owner(named("shop"), log);
    owner.add_resource(named("a"), *work);
    home.submit(owner.start()).result(10s);
    counts.slow = true;
    transaction tx = owner.async_begin({}, asio::use_future).get();
    tx.enlist(named("a"));
    waiting = home.submit(tx.commit());
    while (counts.prepared == 0)
      std::this_thread::yield();
  }
  BOOST_TEST(waiting.result(10s).unknown());
}

BOOST_AUTO_TEST_CASE(hooks_on_another_loop) {
  loop_thread workers;
  memory_log log;
  std::atomic<bool> elsewhere = true;
  const auto check = [&] { elsewhere = elsewhere && get_running_loop() == workers.loop(); };
  const auto work = make_resource(check, check, check);
  run([&]() -> awaitable<void> {
    coordinator owner(named("shop"), log, coordinator_options().hooks_on(workers.loop()));
    owner.add_resource(named("a"), *work);
    co_await owner.start();
    co_await with_transaction(owner, [&](transaction& tx) { tx.enlist(named("a")); });
    co_await owner.stop();
  });
  BOOST_TEST(elsewhere);
}
