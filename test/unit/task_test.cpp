// Tasks apart from their cancellation: sources, handles, names, settle, cancel_and_wait, lifetimes.
// SPDX-License-Identifier: BSL-1.0
#include "../support/trace.hpp"

#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::message_of;
using support::trace;
namespace asio = boost::asio;

namespace {

awaitable<int> value_of(int i) { co_return i; }

awaitable<void> fail(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

awaitable<int> refuse(int value) {
  try {
    co_await sleep(std::nullopt);
  } catch (const cancelled_error&) {
  }
  co_return value;
}

template <class E = std::runtime_error, class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "<no error>";
}

template <class S>
std::string text_of(const S& s) {
  const auto* e = s.template error_as<std::exception>();
  return e ? e->what() : "<no std::exception>";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

// --- names and options ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(task_names_come_from_the_options_or_a_counter) {
  testing::run_virtual([]() -> awaitable<void> {
    auto named = create_task(value_of(1), task_options().name("reader"));
    auto plain = create_task(value_of(1));
    BOOST_TEST(named.name() == "reader");
    BOOST_TEST(plain.name().starts_with("Task-"));
    plain.set_name("");
    BOOST_TEST(plain.name() == "");
    named.set_name("writer");
    any_task same = named;
    BOOST_TEST(same.name() == "writer");
    co_await named.get();
    co_await plain.get();
    BOOST_TEST(named.name() == "writer");
  });
}

BOOST_AUTO_TEST_CASE(task_options_setters_chain_on_named_objects_and_temporaries) {
  task_options o;
  o.name("a").eager(true).background(true);
  BOOST_TEST(*o.name() == "a");
  BOOST_TEST(*o.eager());
  BOOST_TEST(o.background());
  BOOST_TEST(!o.context());
  const task_options t = task_options().background(true).name("b");
  BOOST_TEST(*t.name() == "b");
  BOOST_TEST(!t.eager());
}

BOOST_AUTO_TEST_CASE(background_tasks_do_not_keep_an_attached_loop_running) {
  asio::io_context io(1);
  event_loop loop(io.get_executor());
  bool ended = false;
  auto background = loop.create_task(
      [&]() -> awaitable<void> {
        try {
          co_await sleep(std::nullopt);
        } catch (const cancelled_error&) {
          ended = true;
          throw;
        }
      },
      task_options().background(true));
  auto foreground = loop.create_task(value_of(1));
  io.run();
  BOOST_TEST(foreground.done());
  BOOST_TEST(!background.done());
  io.restart();
  loop.create_task(loop.shutdown());
  io.run();
  BOOST_TEST(ended);
  BOOST_TEST(background.cancelled());
}

BOOST_AUTO_TEST_CASE(create_task_outside_a_loop_is_an_error_and_destroys_the_source) {
  auto owned = std::make_shared<int>(1);
  std::weak_ptr<int> watch = owned;
  auto body = [owned = std::move(owned)]() -> awaitable<int> { co_return *owned; };
  const std::string what = error_of([&] { create_task(std::move(body)); });
  BOOST_TEST(what == "no running event loop");
  {
    auto gone = std::move(body);
  }
  BOOST_TEST(watch.expired());
}

BOOST_AUTO_TEST_CASE(create_task_on_a_closed_loop_is_an_error_and_destroys_the_source) {
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  r.close();
  auto owned = std::make_shared<int>(1);
  std::weak_ptr<int> watch = owned;
  auto body = [owned = std::move(owned)]() -> awaitable<int> { co_return *owned; };
  const std::string what = error_of([&] { loop.create_task(std::move(body)); });
  BOOST_TEST(what == "Event loop is closed");
  BOOST_TEST(watch.expired());
}

// --- sources --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(create_task_takes_coroutines_callables_operations_and_handles) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto f = loop.create_future<int>();
    const auto function = [] { return value_of(2); };
    const auto gives_op = [] { return sleep(1s, 4); };
    const auto gives_future = [&] { return f; };

    auto from_coroutine = create_task(value_of(1));
    auto from_lvalue_callable = create_task(function);
    auto from_op = create_task(sleep(1s, 3));
    auto from_callable_that_gives_op = create_task(gives_op);
    auto from_future = create_task(f);
    auto from_callable_that_gives_future = create_task(gives_future);
    auto from_task = create_task(from_op);
    auto from_get = create_task(f.get());
    static_assert(std::is_same_v<decltype(from_task), task<int>>);
    f.set_result(5);

    std::vector<int> values;
    for (const task<int>& t :
         std::vector<task<int>>{from_coroutine, from_lvalue_callable, from_op, from_callable_that_gives_op, from_future,
                                from_callable_that_gives_future, from_task, from_get})
      values.push_back(co_await t.get());
    const std::vector<int> expected{1, 2, 3, 4, 5, 5, 3, 5};
    BOOST_CHECK(values == expected);
  });
}

BOOST_AUTO_TEST_CASE(create_task_takes_deferred_asio_operations) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto executor = get_running_loop().get_executor();
    auto posted = create_task(asio::post(executor, asio::deferred));
    static_assert(std::is_same_v<decltype(posted), task<void>>);
    asio::steady_timer timer(executor, asio::steady_timer::time_point::min());
    auto waited = create_task(timer.async_wait(asio::deferred));
    static_assert(std::is_same_v<decltype(waited), task<void>>);
    co_await posted.get();
    co_await waited.get();
    BOOST_TEST((posted.done() && waited.done()));
  });
}

BOOST_AUTO_TEST_CASE(a_task_of_a_task_ends_as_that_does) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(fail("inner"));
    auto outer = create_task(inner);
    auto s = co_await settle(outer);
    BOOST_TEST(text_of(s) == "inner");
    BOOST_CHECK(inner.exception() == outer.exception());
  });
}

BOOST_AUTO_TEST_CASE(rvalue_await_of_a_new_task_and_of_a_moved_handle) {
  testing::run_virtual([]() -> awaitable<void> {
    int a = co_await create_task(value_of(3));
    auto t = create_task(value_of(4));
    int b = co_await std::move(t);
    BOOST_TEST(a == 3);
    BOOST_TEST(b == 4);
  });
}

// --- lifetimes ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_callable_with_owning_captures_lives_until_its_coroutine_has_ended) {
  testing::run_virtual([]() -> awaitable<void> {
    auto owned = std::make_shared<std::string>("captured");
    std::weak_ptr<std::string> watch = owned;
    std::string seen;
    auto body = [owned = std::move(owned), &seen]() -> awaitable<void> {
      co_await sleep(1s);
      seen = *owned;
    };
    auto t = create_task(std::move(body));
    bool alive_in_callback = true;
    t.add_done_callback([&] { alive_in_callback = !watch.expired(); });
    co_await testing::passes(2);
    BOOST_TEST(!watch.expired());
    co_await t.get();
    BOOST_TEST(seen == "captured");
    BOOST_TEST(!alive_in_callback);
    BOOST_TEST(watch.expired()); // although a handle is still there
    BOOST_TEST(t.done());
  });
}

BOOST_AUTO_TEST_CASE(an_lvalue_callable_is_copied) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    {
      const auto shared = std::make_shared<int>(8);
      const auto body = [shared]() -> awaitable<int> {
        co_await sleep(1s);
        co_return *shared;
      };
      t = create_task(body);
    }
    int v = co_await t.get();
    BOOST_TEST(v == 8);
  });
}

BOOST_AUTO_TEST_CASE(a_callable_goes_also_when_its_coroutine_throws_or_is_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool cancel : {false, true}) {
      auto owned = std::make_shared<int>(1);
      std::weak_ptr<int> watch = owned;
      auto body = [owned = std::move(owned)]() -> awaitable<void> {
        co_await sleep(1s);
        throw std::runtime_error("x");
      };
      auto t = create_task(std::move(body));
      co_await testing::passes(1);
      if (cancel) t.cancel();
      auto s = co_await settle(t);
      BOOST_TEST(s.cancelled() == cancel);
      BOOST_TEST(watch.expired());
    }
  });
}

BOOST_AUTO_TEST_CASE(an_unstarted_body_is_destroyed_when_its_task_is_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    auto in_callable = std::make_shared<int>(1);
    auto in_coroutine = std::make_shared<int>(1);
    std::weak_ptr<int> watch_callable = in_callable;
    std::weak_ptr<int> watch_coroutine = in_coroutine;
    auto body = [in_callable = std::move(in_callable)]() -> awaitable<void> { co_return; };
    const auto coroutine = [](std::shared_ptr<int>) -> awaitable<void> { co_return; };
    auto a = create_task(std::move(body));
    auto b = create_task(coroutine(std::move(in_coroutine)));
    a.cancel();
    b.cancel();
    BOOST_TEST((!watch_callable.expired() && !watch_coroutine.expired()));
    co_await testing::passes(1);
    BOOST_TEST((a.cancelled() && b.cancelled()));
    BOOST_TEST(watch_callable.expired());
    BOOST_TEST(watch_coroutine.expired());
  });
}

BOOST_AUTO_TEST_CASE(a_task_without_a_handle_lives_until_it_has_ended) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto owned = std::make_shared<int>(1);
    std::weak_ptr<int> watch = owned;
    auto body = [owned = std::move(owned), &log]() -> awaitable<void> {
      // Nothing but the task refers to what it waits for.
      auto f = get_running_loop().create_future<void>();
      get_running_loop().call_later(1s, [f] { f.set_result(); });
      co_await f.get();
      log.push_back("ended");
    };
    create_task(std::move(body));
    co_await testing::passes(2);
    BOOST_TEST(!watch.expired());
    co_await sleep(2s);
    BOOST_TEST(watch.expired());
  });
  CHECK_TRACE(log, "ended");
}

// --- results --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_copyable_result_may_be_read_often_a_move_only_one_once) {
  testing::run_virtual([]() -> awaitable<void> {
    auto text = create_task([]() -> awaitable<std::string> { co_return "text"; });
    auto pointer = create_task([]() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(3); });
    std::string a = co_await text.get();
    std::string b = text.result();
    BOOST_TEST(a == "text");
    BOOST_TEST(b == "text");
    std::unique_ptr<int> p = co_await pointer.get();
    BOOST_TEST(*p == 3);
    BOOST_TEST(contains(error_of<invalid_state_error>([&] { (void)pointer.result(); }), "already taken"));
    auto again = co_await settle(pointer);
    BOOST_TEST((again.error_as<invalid_state_error>() != nullptr));
  });
}

BOOST_AUTO_TEST_CASE(a_result_needs_no_default_constructor) {
  struct point {
    explicit point(int a) : x(a) {}
    int x;
  };
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task([]() -> awaitable<point> { co_return point(5); });
    point p = co_await t.get();
    BOOST_TEST(p.x == 5);
  });
}

BOOST_AUTO_TEST_CASE(result_and_exception_of_a_pending_task_are_errors_that_name_it) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_of(1), task_options().name("slow"));
    BOOST_TEST(contains(error_of<invalid_state_error>([&] { (void)t.result(); }), "'slow'"));
    BOOST_TEST(contains(error_of<invalid_state_error>([&] { (void)t.exception(); }), "'slow'"));
    co_await t.get();
    BOOST_TEST(!t.exception());
  });
}

BOOST_AUTO_TEST_CASE(every_awaiter_gets_the_very_exception_that_was_thrown) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(fail("once"));
    auto a = co_await settle(t);
    auto b = co_await settle(t);
    BOOST_TEST(text_of(a) == "once");
    BOOST_CHECK(a.error() == b.error());
    BOOST_CHECK(a.error() == t.exception());
  });
}

// --- handles --------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_empty_handle_says_so) {
  task<int> t;
  BOOST_TEST(!t);
  BOOST_TEST(!any_task());
  BOOST_CHECK(t == any_task());
  BOOST_TEST(contains(error_of<std::logic_error>([&] { (void)t.name(); }), "empty"));
  BOOST_CHECK_THROW((void)t.done(), std::logic_error);
  BOOST_CHECK_THROW((void)t.get(), std::logic_error);
  BOOST_CHECK_THROW(t.cancel(), std::logic_error);
  BOOST_CHECK_THROW((void)cancel_and_wait(t), std::logic_error);
}

BOOST_AUTO_TEST_CASE(handles_compare_and_hash_by_identity_also_mixed) {
  testing::run_virtual([]() -> awaitable<void> {
    auto a = create_task(value_of(1));
    auto b = create_task(value_of(1));
    auto f = get_running_loop().create_future<int>();
    const any_task any_a = a;
    const any_future future_a = any_a;
    BOOST_CHECK(a == any_a);
    BOOST_CHECK(future_a == a);
    BOOST_CHECK(a != b);
    BOOST_CHECK(f != a);
    BOOST_CHECK((a < b) != (b < a));
    BOOST_CHECK((a <=> any_a) == std::strong_ordering::equal);
    BOOST_TEST(std::hash<task<int>>()(a) == std::hash<any_future>()(future_a));
    const std::unordered_set<any_future> set{a, b, f, future_a, any_a};
    BOOST_TEST(set.size() == 3u);
    BOOST_TEST(set.contains(b));
    std::map<any_task, int> numbers;
    numbers[a] = 1;
    numbers[any_a] = 2;
    numbers[b] = 3;
    BOOST_TEST(numbers.size() == 2u);
    static_assert(!std::is_convertible_v<any_task, task<int>>);
    static_assert(!std::is_convertible_v<future<int>, any_task>);
    co_await a.get();
    co_await b.get();
  });
}

BOOST_AUTO_TEST_CASE(handles_outlive_their_loop) {
  task<int> done;
  task<int> cancelled;
  testing::run_virtual([&]() -> awaitable<void> {
    done = create_task(value_of(6));
    cancelled = create_task(sleep(1h, 1), task_options().name("left over"));
    co_await done.get();
  });
  BOOST_TEST(done.result() == 6);
  BOOST_TEST(cancelled.cancelled());
  BOOST_TEST(cancelled.name() == "left over");
  BOOST_TEST(!cancelled.cancel());
  BOOST_TEST(done.loop().is_closed());
}

BOOST_AUTO_TEST_CASE(done_callbacks_get_the_handle_of_their_kind) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_of(6));
    int typed = 0;
    bool untyped = false;
    bool removed_ran = false;
    t.add_done_callback([&](task<int> x) { typed = x.result(); });
    any_task(t).add_done_callback([&](any_task x) { untyped = x == t; });
    const callback_id id = t.add_done_callback([&] { removed_ran = true; });
    BOOST_TEST(t.remove_done_callback(id));
    BOOST_TEST(!t.remove_done_callback(id));
    co_await testing::passes(2);
    BOOST_TEST(typed == 6);
    BOOST_TEST(untyped);
    BOOST_TEST(!removed_ran);
  });
}

// --- wrong awaits ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(F9_a_task_that_awaits_itself_gets_an_error_with_its_name) {
  testing::run_virtual([]() -> awaitable<void> {
    task<void> t;
    t = create_task([&]() -> awaitable<void> { co_await t.get(); }, task_options().name("narcissus"));
    auto s = co_await settle(t);
    BOOST_TEST(text_of(s).starts_with("Task cannot await on itself"));
    BOOST_TEST(contains(text_of(s), "'narcissus'"));
  });
}

BOOST_AUTO_TEST_CASE(F9_a_future_or_task_of_another_loop_is_an_error_that_names_the_remedy) {
  asio::io_context io(1);
  const event_loop other(io.get_executor());
  const auto f = other.create_future<int>();
  const auto t = other.create_task(value_of(1), task_options().name("foreign"));
  testing::run_virtual([&]() -> awaitable<void> {
    auto a = create_task(f, task_options().name("asks"));
    auto b = create_task(t);
    auto x = co_await settle(a);
    auto y = co_await settle(b);
    BOOST_TEST(contains(text_of(x), "task 'asks'"));
    BOOST_TEST(contains(text_of(x), "attached to a different loop"));
    BOOST_TEST(contains(text_of(x), "run_coroutine_threadsafe"));
    BOOST_TEST(contains(text_of(y), "'foreign'"));
    BOOST_TEST(!f.done()); // nothing happened to it
  });
  io.run();
  BOOST_TEST(t.result() == 1);
}

// --- settle ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(settle_gives_values_and_errors_of_every_kind_of_source) {
  testing::run_virtual([]() -> awaitable<void> {
    auto f = get_running_loop().create_future<int>();
    f.set_result(1);
    auto t = create_task(value_of(2));
    auto a = co_await settle(f);
    auto b = co_await settle(t);
    auto c = co_await settle(value_of(3));
    auto d = co_await settle(sleep(1s, 4));
    auto e = co_await settle([&]() -> awaitable<int> { co_return *a + 4; });
    auto g = co_await settle(fail("x"));
    auto h = co_await settle(sleep(0s));
    BOOST_TEST((*a == 1 && *b == 2 && *c == 3 && *d == 4 && e.value() == 5));
    BOOST_TEST(!g);
    BOOST_TEST(text_of(g) == "x");
    BOOST_TEST(!g.cancelled());
    BOOST_TEST(h.has_value());
    BOOST_CHECK_THROW(g.value(), std::runtime_error);
  });
}

BOOST_AUTO_TEST_CASE(settle_takes_a_cancellation_of_the_source_as_an_outcome) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    get_running_loop().call_soon([&] { t.cancel("source"); });
    auto s = co_await settle(t);
    BOOST_TEST(s.cancelled());
    BOOST_TEST(message_of(s) == "source");
    BOOST_TEST(current_task().cancelling() == 0);
    auto by_hand = co_await settle([]() -> awaitable<void> {
      throw cancelled_error("by hand");
      co_return;
    });
    BOOST_TEST(message_of(by_hand) == "by hand");
  });
}

BOOST_AUTO_TEST_CASE(settle_lets_a_cancellation_of_its_own_task_through) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    auto inner = create_task(sleep(1h));
    const auto body = [&]() -> awaitable<void> {
      try {
        co_await settle(inner);
        log.push_back("settled");
      } catch (const cancelled_error& e) {
        log.push_back("thrown " + e.message());
        throw;
      }
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    t.cancel("mine");
    auto s = co_await settle(t);
    BOOST_TEST(t.cancelled());
    BOOST_TEST(inner.cancelled());
  });
  CHECK_TRACE(log, "thrown mine");
}

BOOST_AUTO_TEST_CASE(settle_lets_a_cancellation_through_that_was_pending_when_it_began) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto body = [&]() -> awaitable<void> {
      current_task().cancel("pending");
      co_await settle(value_of(1)); // does not suspend: nothing is delivered
      log.push_back("first");
      co_await settle(sleep(1s));
      log.push_back("second");
    };
    auto t = create_task(body);
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "pending");
  });
  CHECK_TRACE(log, "first");
}

BOOST_AUTO_TEST_CASE(settle_of_a_cancelled_source_leaves_an_own_pending_cancellation_pending) {
  testing::run_virtual([]() -> awaitable<void> {
    auto gone = get_running_loop().create_future<int>();
    gone.cancel("source");
    std::string outcome;
    const auto body = [&]() -> awaitable<void> {
      current_task().cancel("mine");
      auto s = co_await settle(gone);
      outcome = message_of(s);
      co_await sleep(0s);
    };
    auto t = create_task(body);
    auto s = co_await settle(t);
    BOOST_TEST(outcome == "source");
    BOOST_TEST(message_of(s) == "mine");
  });
}

BOOST_AUTO_TEST_CASE(settle_gives_the_value_of_a_source_that_refuses_the_cancellation) {
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = create_task(refuse(3));
    const auto body = [&]() -> awaitable<int> {
      auto s = co_await settle(inner);
      co_return *s;
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    t.cancel();
    int v = co_await t.get();
    BOOST_TEST(v == 3);
    BOOST_TEST(t.cancelling() == 1);
  });
}

// --- cancel_and_wait ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancel_and_wait_swallows_the_cancellation_of_the_task) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto body = [&]() -> awaitable<void> {
      std::string message;
      try {
        co_await sleep(1h);
      } catch (const cancelled_error& e) {
        message = e.message();
      }
      co_await sleep(1s);
      log.push_back("cleaned up after " + message);
      throw cancelled_error(message);
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    co_await cancel_and_wait(t, "stop");
    log.push_back(t.cancelled() ? "cancelled" : "not cancelled");
    BOOST_TEST(current_task().cancelling() == 0);
  });
  CHECK_TRACE(log, "cleaned up after stop", "cancelled");
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_throws_any_other_exception_of_the_task) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<void> {
      try {
        co_await sleep(1h);
      } catch (const cancelled_error&) {
        throw std::runtime_error("clean-up failed");
      }
    };
    auto t = create_task(body);
    co_await testing::passes(1);
    auto s = co_await settle(cancel_and_wait(t));
    BOOST_TEST(text_of(s) == "clean-up failed");
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_waits_for_a_task_that_refuses) {
  testing::run_virtual([]() -> awaitable<void> {
    auto returns = create_task(refuse(1));
    const auto goes_on = []() -> awaitable<int> {
      int v = co_await refuse(2);
      co_await sleep(5s);
      co_return v;
    };
    auto stays = create_task(goes_on);
    co_await testing::passes(1);
    const auto start = clock::now();
    co_await cancel_and_wait(returns);
    BOOST_TEST(returns.result() == 1);
    co_await cancel_and_wait(stays);
    BOOST_TEST(stays.result() == 2);
    BOOST_CHECK(clock::now() - start == 5s);
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_of_an_unstarted_task) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(value_of(1));
    co_await cancel_and_wait(t);
    BOOST_TEST(t.cancelled());
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_leaves_a_done_task_alone) {
  testing::run_virtual([]() -> awaitable<void> {
    auto good = create_task(value_of(1));
    auto bad = create_task(fail("x"));
    co_await settle(good);
    co_await settle(bad);
    co_await cancel_and_wait(good);
    co_await cancel_and_wait(bad);
    BOOST_TEST(good.cancelling() == 0);
  });
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_does_not_swallow_a_cancellation_of_the_caller) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const auto slow = [&]() -> awaitable<void> {
      for (int i = 0; i < 2; ++i) {
        try {
          co_await sleep(1h);
        } catch (const cancelled_error&) {
          log.push_back("told");
        }
      }
      co_await sleep(1s);
      log.push_back("task ended");
    };
    auto victim = create_task(slow);
    const auto calls = [&]() -> awaitable<void> {
      try {
        co_await cancel_and_wait(victim);
        log.push_back("returned");
      } catch (const cancelled_error&) {
        log.push_back("thrown");
        throw;
      }
    };
    auto caller = create_task(calls);
    co_await testing::passes(2);
    caller.cancel("caller too");
    co_await settle(caller);
    BOOST_TEST(caller.cancelled());
    BOOST_TEST(!victim.cancelled());
    BOOST_TEST(victim.cancelling() == 2);
  });
  CHECK_TRACE(log, "told", "told", "task ended", "thrown");
}

BOOST_AUTO_TEST_CASE(cancel_and_wait_of_a_task_of_another_loop_or_itself_is_an_error) {
  asio::io_context io(1);
  const event_loop other(io.get_executor());
  const auto t = other.create_task(value_of(1));
  testing::run_virtual([&]() -> awaitable<void> {
    auto s = co_await settle(cancel_and_wait(t));
    BOOST_TEST(contains(text_of(s), "different loop"));
    const any_task self = current_task();
    auto own = co_await settle(cancel_and_wait(self));
    BOOST_TEST(contains(text_of(own), "the running task itself"));
    BOOST_TEST(self.cancelling() == 0);
    co_await sleep(0s); // nothing is pending either
  });
  BOOST_TEST(t.cancelling() == 0);
  io.run();
  BOOST_TEST(t.result() == 1);
}

// --- cancel_threadsafe ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cancel_threadsafe_takes_effect_when_the_loop_comes_to_it) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(sleep(1h));
    co_await testing::passes(1);
    t.cancel_threadsafe("from outside");
    BOOST_TEST(t.cancelling() == 0);
    auto s = co_await settle(t);
    BOOST_TEST(message_of(s) == "from outside");
    t.cancel_threadsafe(); // done: nothing happens
    co_await testing::passes(2);
    BOOST_TEST(t.cancelling() == 1);
  });
}
