// How queues end: shutdown, destruction while somebody waits, and loops that are not theirs.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "../support/expect.hpp"
#include "../support/queues.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::put_from;
using support::text_in;
using support::thrown;
using support::token;
using support::trace;

using queues = support::token_queues;

// --- Q5 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(Q5_a_second_shutdown_changes_nothing_unless_it_is_immediate, Queue, queues) {
  Queue q;
  q.put_nowait(token(1));
  q.put_nowait(token(2));
  BOOST_TEST(!q.is_shutdown());
  q.shutdown();
  q.shutdown();
  BOOST_TEST(q.is_shutdown());
  BOOST_TEST(q.qsize() == 2u);
  q.get_nowait();
  q.shutdown(true);
  BOOST_TEST(q.empty());
  BOOST_TEST(q.statistics().unfinished == 1u);
  BOOST_CHECK_THROW(q.get_nowait(), queue_shut_down);
  q.task_done();
  BOOST_CHECK_THROW(q.task_done(), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(Q5_items_counted_as_done_too_early_are_not_counted_twice, Queue, queues) {
  Queue q;
  q.put_nowait(token(1));
  q.put_nowait(token(2));
  q.task_done();
  q.shutdown(true);
  BOOST_TEST(q.statistics().unfinished == 0u);
  BOOST_CHECK_THROW(q.task_done(), std::invalid_argument);
}

namespace {

/// Uses its queue when it is destroyed.
struct curious {
  curious(queue<curious>& queue, trace& t) : q(&queue), log(&t) {}
  curious(curious&& other) noexcept : q(std::exchange(other.q, nullptr)), log(other.log) {}
  curious& operator=(curious&&) = delete;
  ~curious() {
    if (!q) return;
    curious another(*q, *log);
    log->push_back(std::to_string(q->qsize()) + (q->is_shutdown() ? " shut down" : ""));
    try {
      q->put_nowait(std::move(another));
    } catch (const queue_shut_down&) {
      another.q = nullptr;
      log->push_back("refused");
    }
  }

  queue<curious>* q;
  trace* log;
};

} // namespace

BOOST_AUTO_TEST_CASE(Q5_dropped_items_may_use_the_queue_when_they_are_destroyed) {
  trace log;
  queue<curious> q;
  q.put_nowait(curious(q, log));
  q.put_nowait(curious(q, log));
  q.shutdown(true);
  BOOST_TEST(q.empty());
  BOOST_TEST(q.statistics().unfinished == 0u);
  CHECK_TRACE(log, "0 shut down", "refused", "0 shut down", "refused");
}

// --- destruction --------------------------------------------------------------------------------------------------

namespace {

constexpr const char* destroyed = "the queue was destroyed while a task waited for it: it must outlive its waiters";

template <class Task>
awaitable<std::string> error_of_task(Task t) {
  auto s = co_await settle(t);
  co_return s ? "none" : text_in<std::runtime_error>(s.error());
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(who_waits_for_a_queue_that_is_destroyed_gets_an_error, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    auto q = std::make_unique<Queue>(1);
    auto getter = create_task(q->get());
    auto next = create_task(q->next());
    co_await testing::passes(2);
    q.reset();
    std::string text = co_await error_of_task(getter);
    BOOST_TEST(text == destroyed);
    text = co_await error_of_task(next);
    BOOST_TEST(text == destroyed);

    q = std::make_unique<Queue>(1);
    q->put_nowait(token(1));
    token item(2);
    auto putter = create_task(put_from(*q, item));
    auto joiner = create_task(q->join());
    co_await testing::passes(2);
    q.reset();
    text = co_await error_of_task(putter);
    BOOST_TEST(text == destroyed);
    BOOST_TEST(item.number() == 2);
    text = co_await error_of_task(joiner);
    BOOST_TEST(text == destroyed);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_was_woken_by_a_queue_that_is_destroyed_gets_an_error, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    auto q = std::make_unique<Queue>(1);
    auto getter = create_task(q->get());
    auto behind = create_task(q->get());
    co_await testing::passes(2);
    q->put_nowait(token(1));
    q.reset();
    std::string text = co_await error_of_task(getter);
    BOOST_TEST(text == destroyed);
    text = co_await error_of_task(behind);
    BOOST_TEST(text == destroyed);

    q = std::make_unique<Queue>(1);
    q->put_nowait(token(1));
    token item(2);
    auto putter = create_task(put_from(*q, item));
    co_await testing::passes(2);
    q->get_nowait();
    q.reset();
    text = co_await error_of_task(putter);
    BOOST_TEST(text == destroyed);
    BOOST_TEST(item.number() == 2);

    q = std::make_unique<Queue>(1);
    getter = create_task(q->get());
    co_await testing::passes(2);
    q->shutdown();
    q.reset();
    text = co_await error_of_task(getter);
    BOOST_TEST(text == destroyed);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_joiner_that_was_woken_needs_the_queue_no_more, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    auto q = std::make_unique<Queue>();
    q->put_nowait(token(1));
    auto joiner = create_task(q->join());
    co_await testing::passes(2);
    q->get_nowait();
    q->task_done();
    q.reset();
    co_await joiner.get();
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(who_was_cancelled_may_end_after_the_queue, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool woken : {false, true}) {
      auto q = std::make_unique<Queue>(1);
      auto getter = create_task(q->get());
      co_await testing::passes(2);
      if (woken) q->put_nowait(token(1));
      getter.cancel();
      q.reset();
      co_await settle(getter);
      BOOST_TEST(getter.cancelled());
    }
  });
}

// --- loops --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(a_queue_made_outside_belongs_to_the_loop_of_the_first_who_waits, Queue, queues) {
  Queue q(1);
  testing::run_virtual([&]() -> awaitable<void> { // nobody waits: any loop may use it
    co_await q.put(token(1));
    co_await q.get();
  });
  testing::run_virtual([&]() -> awaitable<void> {
    auto getter = create_task(q.get());
    co_await testing::passes(2);
    co_await q.put(token(2));
    const token got = co_await getter.get();
    BOOST_TEST(got.number() == 2);
    for (int i = 0; i < 2; ++i)
      q.task_done();
  });
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(q.get());
    BOOST_TEST(contains(text_in<std::runtime_error>(s.error()), "<queue> is bound to a different event loop"));
    co_await q.put(token(3));
    token item(4);
    auto p = co_await settle(put_from(q, item));
    BOOST_TEST(contains(text_in<std::runtime_error>(p.error()), "<queue> is bound to a different event loop"));
    BOOST_TEST(item.number() == 4);
    auto j = co_await settle(q.join());
    BOOST_TEST(contains(text_in<std::runtime_error>(j.error()), "<queue> is bound to a different event loop"));
    BOOST_TEST(q.statistics().getters + q.statistics().putters == 0u);
    const token got = co_await q.get();
    BOOST_TEST(got.number() == 3);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(one_line_binds_the_whole_queue, Queue, queues) {
  Queue q(1);
  q.put_nowait(token(1));
  testing::run_virtual([&]() -> awaitable<void> { co_await settle(wait_for(q.join(), 1s)); });
  testing::run_virtual([&]() -> awaitable<void> {
    token item(2);
    auto p = co_await settle(put_from(q, item));
    BOOST_TEST(contains(text_in<std::runtime_error>(p.error()), "<queue> is bound to a different event loop"));
    q.get_nowait();
    auto g = co_await settle(q.get());
    BOOST_TEST(contains(text_in<std::runtime_error>(g.error()), "<queue> is bound to a different event loop"));
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_queue_outlives_the_loop_of_its_waiters, Queue, queues) {
  const support::log_capture log;
  Queue none(1), full(1);
  token item(2);
  full.put_nowait(token(1));
  {
    boost::asio::io_context context;
    const event_loop loop(context.get_executor());
    for (int i = 0; i < 2; ++i) {
      loop.create_task(none.get());
      loop.create_task(put_from(full, item));
      loop.create_task(full.join());
    }
    context.poll();
    BOOST_TEST(none.statistics().getters == 2u);
    BOOST_TEST(full.statistics().putters == 2u);
    none.put_nowait(token(3)); // wakes one who will not run
    full.get_nowait();
  }
  BOOST_TEST(log.size() == 6u); // "Task was destroyed but it is pending!"
  BOOST_TEST(none.statistics().getters == 0u);
  BOOST_TEST(full.statistics().putters == 0u);
  BOOST_TEST(item.number() == 2);
  BOOST_TEST(none.get_nowait().number() == 3);
  BOOST_TEST(full.empty());
  full.task_done();
  full.shutdown();
}

BOOST_AUTO_TEST_CASE(without_a_loop_what_need_not_wait_works_and_the_rest_says_why) {
  boost::asio::io_context context;
  queue<int> q(1);
  std::string text;
  const auto body = [&]() -> boost::asio::awaitable<void> {
    co_await q.put(1);
    const int got = co_await q.get();
    BOOST_TEST(got == 1);
    try {
      co_await q.get();
    } catch (const std::runtime_error& e) {
      text = e.what();
    }
  };
  boost::asio::co_spawn(context, body, boost::asio::detached);
  context.run();
  BOOST_TEST(text == "no running event loop");
  BOOST_TEST(q.statistics().getters == 0u);
}

BOOST_AUTO_TEST_CASE(debug_mode_finds_calls_from_another_thread_while_somebody_waits) {
  queue<int> q(1);
  const auto on_another_thread = [](const auto& f) {
    std::string text;
    std::thread([&] { text = thrown<std::runtime_error>(f); }).join();
    return text;
  };
  const auto names = [](const std::string& text, const std::string& call) {
    return contains(text, "Non-thread-safe operation") && contains(text, call) && contains(text, "thread_queue");
  };
  const auto body = [&]() -> awaitable<void> {
    auto getter = create_task(q.get());
    co_await testing::passes(2);
    BOOST_TEST(names(on_another_thread([&] { q.put_nowait(1); }), "queue::put_nowait"));
    BOOST_TEST(names(on_another_thread([&] { q.shutdown(); }), "queue::shutdown"));
    BOOST_TEST(q.empty());
    BOOST_TEST(!q.is_shutdown());
    q.put_nowait(1);
    co_await getter.get();
    auto joiner = create_task(q.join());
    const int item = 3;
    q.put_nowait(2);
    auto putter = create_task(q.put(item));
    co_await testing::passes(2);
    BOOST_TEST(names(on_another_thread([&] { q.get_nowait(); }), "queue::get_nowait"));
    BOOST_TEST(names(on_another_thread([&] { q.try_get(); }), "queue::get_nowait"));
    BOOST_TEST(names(on_another_thread([&] { q.task_done(); }), "queue::task_done"));
    BOOST_TEST(q.qsize() == 1u);
    BOOST_TEST(q.statistics().unfinished == 2u);
    q.get_nowait();
    co_await putter.get();
    q.shutdown(true);
    q.task_done();
    q.task_done();
    co_await joiner.get();
  };
  testing::run_virtual(body, run_options().debug(true));
}
