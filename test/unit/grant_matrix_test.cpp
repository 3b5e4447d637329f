// Granted and then cancelled: every order of grant, cancel, timeout and close in one pass, for each primitive.
// SPDX-License-Identifier: BSL-1.0
#include "../support/grant_matrix.hpp"

#include <rondo/barrier.hpp>
#include <rondo/capacity_limiter.hpp>
#include <rondo/condition.hpp>
#include <rondo/event.hpp>
#include <rondo/lock.hpp>
#include <rondo/memory_channel.hpp>
#include <rondo/queue.hpp>
#include <rondo/semaphore.hpp>
#include <rondo/thread_event.hpp>
#include <rondo/thread_queue.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>

using namespace rondo;

namespace {

using support::counted_grants;
using support::grant_matrix;

struct lock_case : support::owned {
  static constexpr bool closes = false;
  lock m;

  lock_case() { BOOST_REQUIRE(m.try_acquire()); }
  awaitable<void> wait() { co_await m.acquire(); }
  void grant() {
    if (held) m.release();
    held = false;
  }
  long available() const { return m.locked() ? 0 : 1; }
};

struct semaphore_case : counted_grants {
  static constexpr bool closes = false;
  semaphore s{0};

  awaitable<void> wait() { co_await s.acquire(); }
  void grant() {
    s.release();
    ++granted;
  }
  long available() const { return s.value(); }
};

struct bounded_semaphore_case : counted_grants {
  static constexpr bool closes = false;
  bounded_semaphore s{16};

  bounded_semaphore_case() {
    while (s.try_acquire()) {
    }
  }
  awaitable<void> wait() { co_await s.acquire(); }
  void grant() {
    s.release();
    ++granted;
  }
  long available() const { return s.value(); }
};

/// More tokens are a grant.
struct limiter_case : counted_grants {
  static constexpr bool closes = false;
  capacity_limiter l{1};

  limiter_case() { BOOST_REQUIRE(l.try_acquire()); }
  awaitable<void> wait() { co_await l.acquire(); }
  void grant() {
    l.set_total(l.total() + 1);
    ++granted;
  }
  long available() const { return l.available(); }
};

struct queue_get_case : counted_grants {
  static constexpr bool closes = true;
  queue<std::unique_ptr<int>> q;

  awaitable<void> wait() { BOOST_TEST(*co_await q.get() == 1); }
  void grant() {
    if (q.is_shutdown()) return;
    q.put_nowait(std::make_unique<int>(1));
    ++granted;
  }
  void close() { q.shutdown(); }
  long available() const { return static_cast<long>(q.qsize()); }
};

/// Puts an item, which is untouched if that fails.
template <class Queue>
awaitable<void> put_one(Queue& q) {
  auto item = std::make_unique<int>(1);
  try {
    co_await q.put(std::move(item));
  } catch (...) {
    BOOST_TEST((item != nullptr));
    throw;
  }
  BOOST_TEST((item == nullptr));
}

/// The queue is full at first; room is a grant.
struct queue_put_case : counted_grants {
  static constexpr bool closes = true;
  static constexpr std::size_t size = 16;
  queue<std::unique_ptr<int>> q{size};

  queue_put_case() {
    while (!q.full())
      q.put_nowait(std::make_unique<int>(1));
  }
  awaitable<void> wait() { co_await put_one(q); }
  void grant() {
    if (q.is_shutdown()) return;
    (void)q.get_nowait();
    ++granted;
  }
  void close() { q.shutdown(); }
  long available() const { return static_cast<long>(size - q.qsize()); }
};

struct thread_queue_get_case : counted_grants {
  static constexpr bool closes = true;
  thread_queue<std::unique_ptr<int>> q;

  awaitable<void> wait() { BOOST_TEST(*co_await q.get() == 1); }
  void grant() {
    if (q.closed()) return;
    BOOST_TEST(q.try_put(std::make_unique<int>(1)));
    ++granted;
  }
  void close() { q.close(); }
  long available() const { return static_cast<long>(q.qsize()); }
};

struct thread_queue_put_case : counted_grants {
  static constexpr bool closes = true;
  static constexpr std::size_t size = 16;
  thread_queue<std::unique_ptr<int>> q{size};

  thread_queue_put_case() {
    while (!q.full())
      BOOST_TEST(q.try_put(std::make_unique<int>(1)));
  }
  awaitable<void> wait() { co_await put_one(q); }
  void grant() {
    if (q.closed()) return;
    BOOST_TEST(q.try_get().has_value());
    ++granted;
  }
  void close() { q.close(); }
  long available() const { return static_cast<long>(size - q.qsize()); }
};

/// The last sender goes: that closes the channel.
struct channel_case : counted_grants {
  static constexpr bool closes = true;
  memory_sender<int> sender;
  memory_receiver<int> receiver;

  channel_case() {
    auto [s, r] = make_memory_channel<int>(16);
    sender = std::move(s);
    receiver = std::move(r);
  }
  awaitable<void> wait() { BOOST_TEST(co_await receiver.receive() == 1); }
  void grant() {
    if (!sender) return;
    BOOST_TEST(sender.try_send(1));
    ++granted;
  }
  void close() { sender.close(); }
  long available() const { return static_cast<long>(receiver.statistics().size); }
};

struct condition_case : support::notified {
  static constexpr bool closes = false;
  condition c;

  awaitable<void> wait() {
    const auto guard = co_await c.scoped();
    co_await c.wait();
  }
  void grant() {
    BOOST_REQUIRE(c.try_acquire());
    c.notify();
    c.release();
  }
  void check_end() { BOOST_TEST(!c.locked()); }
};

struct event_case : support::flagged {
  static constexpr bool closes = false;
  event e;

  awaitable<void> wait() { co_await e.wait(); }
  void grant() {
    e.set();
    e.clear();
  }
};

struct thread_event_case : support::flagged {
  static constexpr bool closes = false;
  thread_event e;

  awaitable<void> wait() { co_await e.wait(); }
  void grant() {
    e.set();
    e.clear();
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(granted_and_then_cancelled)

BOOST_AUTO_TEST_CASE(of_lock) { grant_matrix<lock_case>(); }
BOOST_AUTO_TEST_CASE(of_semaphore) { grant_matrix<semaphore_case>(); }
BOOST_AUTO_TEST_CASE(of_bounded_semaphore) { grant_matrix<bounded_semaphore_case>(); }
BOOST_AUTO_TEST_CASE(of_capacity_limiter) { grant_matrix<limiter_case>(); }
BOOST_AUTO_TEST_CASE(of_queue_get) { grant_matrix<queue_get_case>(); }
BOOST_AUTO_TEST_CASE(of_queue_put) { grant_matrix<queue_put_case>(); }
BOOST_AUTO_TEST_CASE(of_thread_queue_get) { grant_matrix<thread_queue_get_case>(); }
BOOST_AUTO_TEST_CASE(of_thread_queue_put) { grant_matrix<thread_queue_put_case>(); }
BOOST_AUTO_TEST_CASE(of_memory_channel) { grant_matrix<channel_case>(); }
BOOST_AUTO_TEST_CASE(of_condition) { grant_matrix<condition_case>(); }
BOOST_AUTO_TEST_CASE(of_event) { grant_matrix<event_case>(); }
BOOST_AUTO_TEST_CASE(of_thread_event) { grant_matrix<thread_event_case>(); }

BOOST_AUTO_TEST_SUITE_END()
