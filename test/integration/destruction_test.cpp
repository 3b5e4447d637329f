// Contexts that are destroyed while everything is parked: all of it is destroyed, nothing is resumed, nothing leaks.
// The address sanitizer is the second judge here. Plain Asio timers and sockets, hence not on virtual time.
// SPDX-License-Identifier: BSL-1.0
// labels: short
#include <rondo/rondo.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

int alive = 0;
bool resumed = false;

/// Lives in the frames of the test's coroutines.
struct resident {
  resident() { ++alive; }
  resident(const resident&) = delete;
  ~resident() { --alive; }
};

/// A local variable whose destructor uses the library, as guards of locks do.
struct meddler {
  any_task task;
  future<int> result;
  ~meddler() {
    if (task) task.cancel("from a destructor");
    if (result && !result.done()) result.set_result(1);
    if (result) result.cancel();
    (void)current_task();
  }
};

awaitable<void> in_plain_timer() {
  resident here;
  asio::steady_timer timer(get_running_loop().get_executor(), 1h);
  co_await timer.async_wait(asio::deferred);
  resumed = true;
}

awaitable<void> in_use_task() {
  resident here;
  asio::local::stream_protocol::socket a(get_running_loop().get_executor()), b(get_running_loop().get_executor());
  asio::local::connect_pair(a, b);
  char byte;
  co_await a.async_read_some(asio::buffer(&byte, 1), use_task);
  resumed = true;
}

awaitable<void> in_sleep() {
  resident here;
  co_await sleep(1h);
  resumed = true;
}

awaitable<int> in_future(future<int> f) {
  resident here;
  const int value = co_await f.get();
  resumed = true;
  co_return value;
}

awaitable<void> in_task(task<void> t) {
  resident here;
  co_await t.get();
  resumed = true;
}

awaitable<void> meddling(any_task other, future<int> f) {
  resident here;
  meddler m{other, f};
  co_await sleep(1h);
  resumed = true;
}

awaitable<void> quick() {
  resident here;
  co_await sleep(0ms);
}

/// Parks one of everything.
awaitable<void> park_all(future<int> f) {
  resident here;
  const event_loop loop = get_running_loop();
  auto plain = create_task(in_plain_timer());
  create_task(in_use_task());
  auto sleeping = create_task(in_sleep());
  create_task(in_future(f));
  create_task(in_task(plain));
  create_task(in_task(sleeping));
  create_task(meddling(sleeping, f));
  for (int i = 0; i < 4; ++i)
    create_task(quick()); // leaves idle runners behind
  auto raw = [](future<int> g) -> awaitable<void> { co_await in_future(g); };
  auto executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, raw(f), asio::detached);
  auto raw_plain = []() -> awaitable<void> { co_await in_plain_timer(); };
  asio::co_spawn(executor, raw_plain(), asio::detached);
  auto held = std::make_shared<resident>();
  loop.call_later(1h, [held, f] { resumed = true; });
  f.add_done_callback([held, f] {});
  co_await sleep(1ms);
  co_await f.get();
  resumed = true;
}

void leave_unstarted(event_loop loop, future<int> f) {
  auto held = std::make_shared<resident>();
  loop.create_task(in_future(f));
  loop.create_task([held]() -> awaitable<void> {
    resumed = true;
    co_return;
  });
  loop.call_soon([held] { resumed = true; });
  loop.call_soon_threadsafe([held] { resumed = true; });
}

struct quiet_log {
  quiet_log() {
    set_log_sink([](std::string_view) {}); // "destroyed but pending" is expected here
  }
  ~quiet_log() { set_log_sink({}); }
};

} // namespace

BOOST_AUTO_TEST_CASE(context_with_everything_parked) {
  quiet_log quiet;
  for (const bool strand : {false, true}) {
    for (const bool keep : {false, true}) {
      alive = 0;
      resumed = false;
      future<int> kept_future;
      std::optional<event_loop> kept_loop;
      std::optional<task<void>> kept_task;
      {
        asio::io_context io(1);
        event_loop loop = strand ? event_loop(asio::make_strand(io.get_executor())) : event_loop(io.get_executor());
        future<int> f = loop.create_future<int>();
        task<void> t = loop.create_task(park_all(f));
        asio::steady_timer stop(io, 10ms);
        stop.async_wait([&](auto) { io.stop(); });
        io.run();
        BOOST_TEST(alive > 8);
        leave_unstarted(loop, f);
        if (keep) {
          kept_future = f;
          kept_loop = loop;
          kept_task = t;
        }
      }
      BOOST_TEST(alive == 0);
      BOOST_TEST(!resumed);
      if (!keep) continue;
      // Handles outlive their loop and say so, or do nothing.
      BOOST_TEST(!kept_task->done());
      BOOST_TEST(!kept_task->cancel());
      BOOST_TEST(kept_loop->is_closed());
      BOOST_CHECK_THROW(kept_loop->call_soon([] {}), std::runtime_error);
      BOOST_CHECK_THROW(kept_loop->create_task(quick()), std::runtime_error);
      kept_task->cancel_threadsafe();
    }
  }
}

BOOST_AUTO_TEST_CASE(context_that_never_ran) {
  quiet_log quiet;
  alive = 0;
  resumed = false;
  {
    asio::io_context io(1);
    event_loop loop(io.get_executor());
    leave_unstarted(loop, loop.create_future<int>());
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(!resumed);
}

BOOST_AUTO_TEST_CASE(objects_of_the_user_that_die_before_and_after_the_loop) {
  quiet_log quiet;
  alive = 0;
  resumed = false;
  {
    // made before the loop, so that its service is older; and after, so that it is younger
    asio::io_context io(1);
    auto before = std::make_unique<asio::steady_timer>(io, 1h);
    before->async_wait([held = std::make_shared<resident>()](auto) {});
    event_loop loop(io.get_executor());
    loop.create_task(park_all(loop.create_future<int>()));
    asio::local::stream_protocol::socket after(io), peer(io);
    asio::local::connect_pair(after, peer);
    char byte;
    after.async_read_some(asio::buffer(&byte, 1), [held = std::make_shared<resident>()](auto, auto) {});
    asio::steady_timer stop(io, 5ms);
    stop.async_wait([&](auto) { io.stop(); });
    io.run();
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(!resumed);
}

BOOST_AUTO_TEST_CASE(closed_loop_then_destroyed_context) {
  quiet_log quiet;
  alive = 0;
  resumed = false;
  {
    asio::io_context io(1);
    event_loop loop(io.get_executor());
    loop.create_task(park_all(loop.create_future<int>()));
    asio::steady_timer stop(io, 5ms);
    stop.async_wait([&](auto) { io.stop(); });
    io.run();
    loop.close();
    loop.close();
    BOOST_TEST(loop.is_closed());
    // The context goes on without it; frames that were posted for destruction go when it runs.
    io.restart();
    io.run_for(20ms);
    // The same executor gets a new loop.
    event_loop again(io.get_executor());
    BOOST_CHECK(!(again == loop));
    bool ran = false;
    again.call_soon([&] { ran = true; });
    io.restart();
    io.run_for(20ms);
    BOOST_TEST(ran);
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(!resumed);
}

BOOST_AUTO_TEST_CASE(thread_pool_with_loops_on_strands) {
  quiet_log quiet;
  alive = 0;
  resumed = false;
  {
    asio::thread_pool pool(1);
    std::vector<event_loop> loops;
    for (int i = 0; i < 3; ++i) {
      loops.emplace_back(asio::make_strand(pool.get_executor()));
      const event_loop loop = loops.back();
      asio::post(loop.get_executor(), [loop] { loop.create_task(park_all(loop.create_future<int>())); });
    }
    std::this_thread::sleep_for(20ms);
    pool.stop();
    pool.join();
    BOOST_TEST(alive > 8);
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(!resumed);
}

BOOST_AUTO_TEST_CASE(deferred_wait_whose_operation_died) {
  quiet_log quiet;
  alive = 0;
  resumed = false;
  {
    asio::io_context io(1);
    event_loop loop(io.get_executor());
    future<int> f = loop.create_future<int>();
    loop.create_task([f]() -> awaitable<void> {
      resident here;
      auto chain = asio::deferred([f] { return f.get(); });
      co_await asio::post(std::move(chain)); // the operation is a temporary that moves to the heap
      resumed = true;
    });
    asio::steady_timer stop(io, 5ms);
    stop.async_wait([&](auto) { io.stop(); });
    io.run();
    BOOST_TEST(alive == 1);
  }
  BOOST_TEST(alive == 0);
  BOOST_TEST(!resumed);
}
