// Context variables: rules CX1 to CX4, and the handles themselves.
// SPDX-License-Identifier: BSL-1.0
#include "../support/trace.hpp"

#include <rondo/context.hpp>
#include <rondo/sleep.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::trace;

namespace {

context_var<int> number("number", 0);
context_var<std::string> word("word");

awaitable<int> read_number() { co_return number.get(); }

awaitable<void> write_number(int i) {
  number.set(i);
  co_return;
}

} // namespace

// --- variables and tokens -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(CX_a_variable_has_a_default_or_names_itself_in_the_error) {
  BOOST_TEST(number.get() == 0);
  BOOST_TEST(number.name() == "number");
  try {
    (void)word.get();
    BOOST_FAIL("no error");
  } catch (const std::out_of_range& e) {
    BOOST_TEST(std::string(e.what()).find("'word'") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(CX_a_token_restores_what_was_there_once) {
  context c;
  c.run([] {
    auto outer = number.set(1);
    auto inner = number.set(2);
    number.reset(inner);
    BOOST_TEST(number.get() == 1);
    BOOST_CHECK_THROW(number.reset(inner), std::runtime_error);
    number.reset(std::move(outer));
    BOOST_TEST(number.get() == 0);
    auto unset = word.set("x");
    word.reset(unset);
    BOOST_CHECK_THROW((void)word.get(), std::out_of_range);
  });
}

BOOST_AUTO_TEST_CASE(CX_a_token_belongs_to_its_variable_and_context) {
  context_var<int> other("other", 0);
  context c;
  std::optional<context_var<int>::token> token;
  c.run([&] {
    token.emplace(number.set(1));
    BOOST_CHECK_THROW(other.reset(*token), std::invalid_argument);
  });
  context_var<int>::token& made_in_c = *token;
  context elsewhere;
  elsewhere.run([&] { BOOST_CHECK_THROW(number.reset(made_in_c), std::invalid_argument); });
  c.run([&] {
    number.reset(made_in_c); // the refused calls changed nothing
    BOOST_TEST(number.get() == 0);
  });
}

BOOST_AUTO_TEST_CASE(CX_scoped_resets_at_the_end_of_the_scope) {
  context c;
  c.run([] {
    number.set(1);
    {
      auto s = number.scoped(2);
      BOOST_TEST(number.get() == 2);
      auto moved = std::move(s);
      BOOST_TEST(number.get() == 2);
    }
    BOOST_TEST(number.get() == 1);
  });
}

BOOST_AUTO_TEST_CASE(CX_run_switches_for_the_call_and_restores_after_an_exception) {
  context a;
  a.run([] { number.set(1); });
  BOOST_TEST(number.get() == 0);
  context b = a.copy();
  const int in_b = b.run([] {
    number.set(number.get() + 10);
    return number.get();
  });
  BOOST_TEST(in_b == 11);
  BOOST_TEST(a.run([] { return number.get(); }) == 1);
  BOOST_CHECK_THROW(a.run([]() -> void { throw std::runtime_error("x"); }), std::runtime_error);
  BOOST_TEST(number.get() == 0);
  a.run([&] {
    b.run([] { BOOST_TEST(number.get() == 11); });
    BOOST_TEST(number.get() == 1);
  });
}

BOOST_AUTO_TEST_CASE(CX_copies_of_a_handle_share_what_is_set_later_also_if_nothing_was_set_before) {
  context a;
  context b = a;
  a.run([] { number.set(3); });
  BOOST_TEST(b.run([] { return number.get(); }) == 3);
  BOOST_CHECK(a == b);
  context c;
  c = a;
  c.run([] { number.set(4); });
  BOOST_TEST(a.run([] { return number.get(); }) == 4);
  BOOST_CHECK(!(a == a.copy()));
}

BOOST_AUTO_TEST_CASE(CX_values_are_destroyed_with_the_last_context_that_has_them) {
  context_var<std::shared_ptr<int>> owner("owner", nullptr);
  auto value = std::make_shared<int>(1);
  std::weak_ptr<int> watch = value;
  {
    context c;
    c.run([&] { owner.set(std::move(value)); });
    context d = c.copy();
    c = context();
    BOOST_TEST(!watch.expired());
  }
  BOOST_TEST(watch.expired());
}

// --- CX1 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(CX1_a_task_gets_a_copy_of_its_creators_context_at_creation) {
  testing::run_virtual([]() -> awaitable<void> {
    number.set(1);
    auto reads = create_task(read_number());
    auto writes = create_task(write_number(50));
    number.set(2); // too late for both
    int seen = co_await reads.get();
    co_await writes.get();
    BOOST_TEST(seen == 1);
    BOOST_TEST(number.get() == 2);
    BOOST_TEST(writes.context().run([] { return number.get(); }) == 50);
  });
  BOOST_TEST(number.get() == 0);
}

BOOST_AUTO_TEST_CASE(CX1_a_callable_source_is_called_in_the_tasks_context) {
  testing::run_virtual([]() -> awaitable<void> {
    int seen = -1;
    const auto plain_function = [&]() {
      seen = number.get();
      number.set(9);
      return read_number();
    };
    number.set(1);
    auto t = create_task(plain_function);
    number.set(2);
    int inside = co_await t.get();
    BOOST_TEST(seen == 1);
    BOOST_TEST(inside == 9);
    BOOST_TEST(number.get() == 2);
  });
}

BOOST_AUTO_TEST_CASE(CX1_a_given_context_is_shared) {
  testing::run_virtual([]() -> awaitable<void> {
    context c = copy_context();
    c.run([] { number.set(1); });
    auto writes = create_task(write_number(2), task_options().context(c));
    auto reads = create_task(read_number(), task_options().context(c));
    int seen = co_await reads.get();
    BOOST_TEST(seen == 2);
    BOOST_TEST(c.run([] { return number.get(); }) == 2);
    BOOST_TEST(number.get() == 0);
    BOOST_CHECK(writes.context() == reads.context());
    BOOST_CHECK(writes.context() == c);
  });
}

BOOST_AUTO_TEST_CASE(CX1_a_given_context_is_shared_also_if_nothing_was_ever_set) {
  testing::run_virtual([]() -> awaitable<void> {
    context c;
    auto writes = create_task(write_number(2), task_options().context(c));
    co_await writes.get();
    BOOST_TEST(c.run([] { return number.get(); }) == 2);
  });
}

BOOST_AUTO_TEST_CASE(CX1_tasks_that_take_turns_keep_their_own_values) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto counts = [](int first) -> awaitable<int> {
      number.set(first);
      for (int i = 0; i < 3; ++i) {
        co_await sleep(0s);
        number.set(number.get() + 1);
      }
      co_return number.get();
    };
    auto a = create_task(counts(10));
    auto b = create_task(counts(20));
    int x = co_await a.get();
    int y = co_await b.get();
    BOOST_TEST(x == 13);
    BOOST_TEST(y == 23);
  });
}

BOOST_AUTO_TEST_CASE(CX1_a_task_keeps_its_context_after_a_plain_asio_operation) {
  testing::run_virtual([]() -> awaitable<void> {
    const auto body = []() -> awaitable<int> {
      number.set(5);
      const auto executor = get_running_loop().get_executor();
      co_await boost::asio::post(executor, boost::asio::use_awaitable);
      co_return number.get();
    };
    auto t = create_task(body);
    int seen = co_await t.get();
    BOOST_TEST(seen == 5);
    BOOST_TEST(number.get() == 0);
  });
}

BOOST_AUTO_TEST_CASE(CX1_runs_of_a_runner_share_one_context_that_is_not_the_callers) {
  testing::virtual_runner r;
  r.run(write_number(3));
  int seen = r.run(read_number());
  BOOST_TEST(seen == 3);
  BOOST_TEST(number.get() == 0);
}

// --- CX2 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(CX2_callbacks_get_a_copy_at_registration) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    auto f = loop.create_future<void>();
    const auto say = [&](const char* what) {
      return [&log, what] {
        log.push_back(what + std::to_string(number.get()));
        number.set(99); // in the callback's own copy
      };
    };
    number.set(1);
    loop.call_soon(say("soon "));
    number.set(2);
    loop.call_later(1s, say("later "));
    number.set(3);
    loop.call_at(loop.time() + 2s, say("at "));
    number.set(4);
    f.add_done_callback(say("done "));
    number.set(5);
    loop.call_soon_threadsafe(say("threadsafe "));
    number.set(6);
    f.set_result();
    co_await sleep(3s);
    BOOST_TEST(number.get() == 6);
  });
  CHECK_TRACE(log, "soon 1", "threadsafe 5", "done 4", "later 2", "at 3");
}

BOOST_AUTO_TEST_CASE(CX2_F4_callbacks_run_in_the_context_that_was_given) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    context c = copy_context();
    c.run([] { number.set(10); });
    const auto add = [] { number.set(number.get() + 1); };
    auto f = loop.create_future<void>();
    auto t = create_task(read_number());
    loop.call_soon(add, c);
    loop.call_later(1s, add, c);
    f.add_done_callback(add, c);
    t.add_done_callback(add, c);
    f.set_result();
    co_await sleep(2s);
    BOOST_TEST(c.run([] { return number.get(); }) == 14);
    BOOST_TEST(number.get() == 0);
  });
}

BOOST_AUTO_TEST_CASE(CX2_tasks_made_in_a_callback_copy_the_callbacks_context) {
  testing::run_virtual([]() -> awaitable<void> {
    task<int> t;
    number.set(1);
    get_running_loop().call_soon([&] {
      number.set(2);
      t = create_task(read_number());
      number.set(3);
    });
    co_await testing::passes(1);
    int seen = co_await t.get();
    BOOST_TEST(seen == 2);
  });
}

// --- CX3 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(CX3_what_is_awaited_inline_shares_the_context) {
  testing::run_virtual([]() -> awaitable<void> {
    co_await write_number(4);
    BOOST_TEST(number.get() == 4);
    co_await settle(write_number(5));
    BOOST_TEST(number.get() == 5);
    int seen = co_await read_number();
    BOOST_TEST(seen == 5);
  });
}

// --- CX4 ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(CX4_the_exception_handler_runs_in_the_context_of_what_failed) {
  trace log;
  testing::run_virtual([&]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    loop.set_exception_handler([&](event_loop, const exception_context& c) {
      const std::string kind = c.task ? "task " : c.handle ? "handle " : "other ";
      log.push_back(kind + std::to_string(number.get()));
    });
    number.set(1);
    loop.call_soon([] {
      number.set(2);
      throw std::runtime_error("callback");
    });
    {
      auto t = create_task([]() -> awaitable<void> {
        number.set(3);
        throw std::runtime_error("task that nobody awaits");
        co_return;
      });
      co_await testing::passes(1);
      BOOST_TEST(t.done());
    } // the last handle goes here, in the context of main
    BOOST_TEST(number.get() == 1);
  });
  CHECK_TRACE(log, "handle 2", "task 3");
}
