// Contexts that are destroyed while combinators and scopes wait for sockets: all of it is destroyed, nothing is resumed.
// The address sanitizer is the second judge here. Sockets of the operating system, hence in real time.
// SPDX-License-Identifier: BSL-1.0
// labels: short threads
#include "../support/expect.hpp"
#include "../support/loop_kinds.hpp"
#include "../support/wire.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <thread>
#include <vector>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using namespace support;

namespace {

int alive = 0;
bool resumed = false;

/// Lives in the frames of parked coroutines.
struct resident {
  resident() { ++alive; }
  resident(const resident&) = delete;
  ~resident() { --alive; }
};

awaitable<void> hang(wire& w) {
  resident here;
  co_await w.near.async_read_some(asio::buffer(w.bytes), asio::use_awaitable);
  resumed = true;
}

async_generator<int> hanging_generator(wire& w) {
  resident here;
  co_yield 1;
  co_await hang(w);
  resumed = true;
}

using parking = std::function<awaitable<void>(wire&, wire&)>;

const parking parkings[] = {
    [](wire& a, wire&) -> awaitable<void> { co_await wait_for(hang(a), 1h); },
    [](wire& a, wire&) -> awaitable<void> {
      auto body = [&](timeout_scope&) { return hang(a); };
      co_await with_timeout(1h, body);
    },
    [](wire& a, wire&) -> awaitable<void> {
      auto body = [&] { return hang(a); };
      co_await move_on_after(1h, body);
    },
    [](wire& a, wire& b) -> awaitable<void> { co_await gather(hang(a), b.read()); },
    [](wire& a, wire& b) -> awaitable<void> { co_await join(hang(a), b.read()); },
    [](wire& a, wire& b) -> awaitable<void> { co_await race(hang(a), b.read(), sleep(1h)); },
    [](wire& a, wire& b) -> awaitable<void> {
      auto t = create_task(hang(a));
      auto u = create_task(hang(b));
      co_await wait(t, u);
    },
    [](wire& a, wire& b) -> awaitable<void> {
      auto items = as_completed(1h, hang(a), hang(b));
      co_await items.next();
    },
    [](wire& a, wire&) -> awaitable<void> { co_await shield(hang(a)); },
    [](wire& a, wire& b) -> awaitable<void> {
      std::vector<wire*> both{&a, &b};
      auto each = [](wire* w) { return hang(*w); };
      co_await map_concurrent(both, each, 1);
    },
    [](wire& a, wire& b) -> awaitable<void> {
      auto body = [&](task_group& group) {
        group.create_task(hang(a));
        return hang(b);
      };
      co_await with_task_group(body);
    },
    [](wire& a, wire&) -> awaitable<void> {
      auto body = [&](task_group& group) { group.create_task(hang(a)); };
      co_await with_task_group(body);
    },
    [](wire& a, wire& b) -> awaitable<void> {
      auto waits = hanging_generator(a);
      auto yielded = hanging_generator(b);
      co_await yielded.next();
      while (co_await waits.next())
        ;
    },
    [](wire& a, wire& b) -> awaitable<void> {
      auto body = [&](async_generator<int>&) { return hang(b); };
      co_await with(hanging_generator(a), body);
    },
    [](wire& a, wire& b) -> awaitable<void> {
      auto body = [&](exit_stack& stack) -> awaitable<void> {
        stack.callback([] { resumed = true; });
        co_await stack.enter(hanging_generator(a));
        co_await hang(b);
      };
      co_await with_exit_stack(body);
    },
    [](wire& a, wire&) -> awaitable<void> {
      auto body = [&] { return hang(a); };
      co_await finally(body, [] { resumed = true; });
    },
    [](wire& a, wire&) -> awaitable<void> {
      auto clean_up = [&] { return hang(a); };
      co_await finally([] {}, clean_up, 1h);
    },
};

awaitable<void> park(parking where) {
  resident here;
  wire a, b;
  try {
    co_await where(a, b);
  } catch (...) {
  }
  resumed = true;
}

void park_all(event_loop loop) {
  for (const parking& p : parkings)
    loop.create_task(park(p));
}

} // namespace

BOOST_AUTO_TEST_CASE(contexts_are_destroyed_while_everything_waits_for_a_socket) {
  log_capture quiet; // "destroyed but pending" is expected here
  for (loop_kind kind : {loop_kind::context, loop_kind::context_strand, loop_kind::pool_strand}) {
    BOOST_TEST_CONTEXT("loop: " << kind) {
      alive = 0;
      resumed = false;
      if (kind == loop_kind::pool_strand) {
        asio::thread_pool pool(2);
        event_loop loop(asio::make_strand(pool));
        asio::post(loop.get_executor(), [loop] { park_all(loop); });
        std::this_thread::sleep_for(30ms);
        pool.stop();
        pool.join();
        BOOST_TEST(alive > 30);
      } else {
        asio::io_context io(1);
        event_loop loop =
            kind == loop_kind::context ? event_loop(io.get_executor()) : event_loop(asio::make_strand(io));
        park_all(loop);
        io.run_for(20ms);
        BOOST_TEST(alive > 30);
      }
      BOOST_TEST(alive == 0);
      BOOST_TEST(!resumed);
    }
  }
  BOOST_TEST(quiet.size() > 0u);
}
