// memory_channel: two kinds of ends, and what each learns when the other has gone.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"

#include <rondo/gather.hpp>
#include <rondo/loop_pool.hpp>
#include <rondo/memory_channel.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <numeric>
#include <thread>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::thrown;
using testing::run_virtual;

namespace {

awaitable<void> send_range(memory_sender<int> sender, int begin, int end) {
  for (int i = begin; i < end; ++i)
    co_await sender.send(i);
}

awaitable<long> sum(memory_receiver<int> receiver) {
  long total = 0;
  while (const auto x = co_await receiver.next())
    total += *x;
  co_return total;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_channel_ends_for_receivers_when_the_last_sender_goes) {
  run_virtual([]() -> awaitable<void> {
    auto [sender, receiver] = make_memory_channel<int>(2);
    const auto total = create_task(sum(std::move(receiver)));
    {
      memory_sender<int> first = std::move(sender);
      create_task(send_range(first.clone(), 0, 50));
      create_task(send_range(first.clone(), 50, 100));
      BOOST_TEST(!sender);
      BOOST_TEST(!!first);
    }
    BOOST_TEST(co_await total.get() == 99 * 100 / 2);
  });
}

BOOST_AUTO_TEST_CASE(senders_are_refused_when_the_last_receiver_goes) {
  run_virtual([]() -> awaitable<void> {
    auto [sender, receiver] = make_memory_channel<std::unique_ptr<int>>(1);
    auto other = receiver.clone();
    co_await sender.send(std::make_unique<int>(1));
    receiver.close();
    receiver.close();
    auto item = std::make_unique<int>(2);
    BOOST_TEST(!sender.try_send(std::move(item))); // full, but somebody is there
    const auto send = [&]() -> awaitable<void> { co_await sender.send(std::move(item)); };
    const auto waiting = create_task(send);
    co_await testing::settle_all();
    other.close();
    const settled<void> end = co_await settle(waiting);
    BOOST_TEST((end.error_as<queue_shut_down>() != nullptr));
    BOOST_TEST((item != nullptr));
    BOOST_TEST(thrown<queue_shut_down>([&] { sender.try_send(std::move(item)); }) == "the queue was shut down");
    BOOST_TEST(sender.statistics().size == 0u); // what was left is dropped
  });
}

BOOST_AUTO_TEST_CASE(what_was_sent_is_received_after_the_last_sender_has_gone) {
  auto [sender, receiver] = make_memory_channel<int>(3);
  BOOST_TEST(sender.try_send(1));
  sender.blocking_send(2);
  {
    const auto gone = std::move(sender);
  }
  BOOST_TEST(receiver.blocking_receive() == 1);
  BOOST_TEST(*receiver.try_receive() == 2);
  BOOST_TEST(!receiver.blocking_next().has_value());
  BOOST_TEST(thrown<queue_shut_down>([&] { receiver.blocking_receive(); }) == "the queue was shut down");
}

BOOST_AUTO_TEST_CASE(an_end_that_is_closed_says_so) {
  memory_sender<int> none;
  BOOST_TEST(!none);
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { none.try_send(1); }), "try_send: this end of the channel"));
  memory_receiver<int> no_receiver;
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { (void)no_receiver.clone(); }), "clone: this end"));
  BOOST_TEST(contains(thrown<std::runtime_error>([&] { (void)no_receiver.next(); }), "next: this end"));
  none.close();
}

BOOST_AUTO_TEST_CASE(a_channel_needs_room) {
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { make_memory_channel<int>(0); }), "at least one item"));
}

BOOST_AUTO_TEST_CASE(assignment_closes_the_end_that_was_there) {
  auto [sender, receiver] = make_memory_channel<int>(1);
  auto [other_sender, other_receiver] = make_memory_channel<int>(1);
  sender = std::move(other_sender);
  BOOST_TEST(!receiver.blocking_next().has_value());
  BOOST_TEST(sender.try_send(1));
  BOOST_TEST(other_receiver.blocking_receive() == 1);
}

BOOST_AUTO_TEST_CASE(ends_can_be_on_different_loops_and_threads) {
  loop_pool pool(2);
  auto [sender, receiver] = make_memory_channel<int>(4);
  const auto a = pool.submit(sum(receiver.clone()));
  const auto b = pool.submit(sum(std::move(receiver)));
  const auto c = pool.submit(send_range(sender.clone(), 0, 1000));
  std::thread thread([s = std::move(sender)]() mutable {
    for (int i = 1000; i < 2000; ++i)
      s.blocking_send(i);
    s.close();
  });
  thread.join();
  c.result();
  BOOST_TEST(a.result(30s) + b.result(30s) == 1999L * 2000 / 2);
}
