// Tasks apart from their cancellation: names, sources, results, handles, wrong awaits.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::raise;
using support::text_in;
using support::thrown;
using support::value_of;

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
  const std::string what = thrown<std::runtime_error>([&] { create_task(std::move(body)); });
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
  const std::string what = thrown<std::runtime_error>([&] { loop.create_task(std::move(body)); });
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
    auto inner = create_task(raise("inner"));
    auto outer = create_task(inner);
    auto s = co_await settle(outer);
    BOOST_TEST(text_in<std::runtime_error>(s.error()) == "inner");
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
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { (void)pointer.result(); }), "already taken"));
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
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { (void)t.result(); }), "'slow'"));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { (void)t.exception(); }), "'slow'"));
    co_await t.get();
    BOOST_TEST(!t.exception());
  });
}

BOOST_AUTO_TEST_CASE(every_awaiter_gets_the_very_exception_that_was_thrown) {
  testing::run_virtual([]() -> awaitable<void> {
    auto t = create_task(raise("once"));
    auto a = co_await settle(t);
    auto b = co_await settle(t);
    BOOST_TEST(text_in<std::runtime_error>(a.error()) == "once");
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
  BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)t.name(); }), "empty"));
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
    BOOST_TEST(text_in<std::runtime_error>(s.error()).starts_with("Task cannot await on itself"));
    BOOST_TEST(contains(text_in<std::runtime_error>(s.error()), "'narcissus'"));
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
    BOOST_TEST(contains(text_in<std::runtime_error>(x.error()), "task 'asks'"));
    BOOST_TEST(contains(text_in<std::runtime_error>(x.error()), "attached to a different loop"));
    BOOST_TEST(contains(text_in<std::runtime_error>(x.error()), "run_coroutine_threadsafe"));
    BOOST_TEST(contains(text_in<std::runtime_error>(y.error()), "'foreign'"));
    BOOST_TEST(!f.done()); // nothing happened to it
  });
  io.run();
  BOOST_TEST(t.result() == 1);
}
