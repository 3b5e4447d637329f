// Futures: states (rules F1 and F2), handles, values of any kind.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_set>

using namespace rondo;
using namespace std::chrono_literals;
using support::contains;
using support::in_loop;
using support::thrown;
using support::trace;

namespace {

struct no_default {
  explicit no_default(int n) : number(n) {}
  int number;
};

} // namespace

// --- F1, F2: states ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(F1_a_future_finishes_once) {
  in_loop([](event_loop loop) {
    const future<int> f = loop.create_future<int>();
    BOOST_TEST((!f.done() && !f.cancelled()));
    f.set_result(1);
    BOOST_TEST((f.done() && !f.cancelled()));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.set_result(2); }), "set_result"));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.set_exception(std::logic_error("x")); }), "done"));
    BOOST_TEST(!f.cancel());
    BOOST_TEST(!f.cancelled());
    BOOST_TEST(f.result() == 1);

    const future<int> failed = loop.create_future<int>();
    failed.set_exception(std::logic_error("first"));
    BOOST_CHECK_THROW(failed.set_result(2), invalid_state_error);
    BOOST_CHECK_THROW(failed.set_exception(std::logic_error("second")), invalid_state_error);
    BOOST_TEST(!failed.cancel());
    BOOST_TEST(thrown<std::logic_error>([&] { failed.result(); }) == "first");

    const future<int> gone = loop.create_future<int>();
    BOOST_TEST(gone.cancel("first"));
    BOOST_TEST((gone.done() && gone.cancelled()));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { gone.set_result(2); }), "cancelled"));
    BOOST_CHECK_THROW(gone.set_exception(std::logic_error("x")), invalid_state_error);
    BOOST_TEST(!gone.cancel("second"));
    BOOST_TEST(thrown<cancelled_error>([&] { gone.result(); }) == "first");
  });
}

BOOST_AUTO_TEST_CASE(F1_a_null_exception_is_refused_before_anything_changes) {
  in_loop([](event_loop loop) {
    const future<int> f = loop.create_future<int>();
    BOOST_TEST(contains(thrown<std::invalid_argument>([&] { f.set_exception(std::exception_ptr()); }), "null"));
    BOOST_TEST(!f.done());
    f.set_result(1);
    BOOST_TEST(f.result() == 1);
  });
}

BOOST_AUTO_TEST_CASE(F2_result_and_exception_in_each_state) {
  in_loop([](event_loop loop) {
    const future<int> f = loop.create_future<int>();
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.result(); }), "Result is not ready"));
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.exception(); }), "Exception is not set"));
    f.set_result(1);
    BOOST_CHECK(f.exception() == nullptr);

    const future<int> gone = loop.create_future<int>();
    gone.cancel("the reason");
    for (int i = 0; i < 2; ++i) { // a future's message is there for everybody who asks
      BOOST_TEST(thrown<cancelled_error>([&] { gone.result(); }) == "the reason");
      BOOST_TEST(thrown<cancelled_error>([&] { gone.exception(); }) == "the reason");
    }

    const future<int> failed = loop.create_future<int>();
    failed.set_exception(std::logic_error("broken"));
    BOOST_TEST(thrown<std::logic_error>([&] { failed.result(); }) == "broken");
    BOOST_TEST(support::text_in<std::logic_error>(failed.exception()) == "broken");
  });
}

BOOST_AUTO_TEST_CASE(F2_exception_is_the_very_pointer_that_was_set_or_thrown) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const std::exception_ptr original = std::make_exception_ptr(std::logic_error("broken"));
    const future<int> f = loop.create_future<int>();
    f.set_exception(original);
    BOOST_CHECK(f.exception() == original);
    const settled<int> outcome = co_await settle(f);
    BOOST_CHECK(outcome.error() == original);

    auto rethrowing = [&]() -> awaitable<void> {
      std::rethrow_exception(original);
      co_return;
    };
    const task<void> t = create_task(rethrowing);
    const settled<void> end = co_await settle(t);
    BOOST_CHECK(end.error() == original);
    BOOST_CHECK(t.exception() == original);
  });
}

// --- Handles -----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(handles_are_shared_compared_by_identity_and_usable_as_keys) {
  in_loop([](event_loop loop) {
    const future<int> a = loop.create_future<int>();
    const future<int> b = loop.create_future<int>();
    const future<int> same = a;
    const any_future any = a;
    BOOST_CHECK(a == same);
    BOOST_CHECK(a == any);
    BOOST_CHECK(any == same);
    BOOST_CHECK(!(a == b));
    BOOST_CHECK((a < b) != (b < a));
    BOOST_CHECK(!(a < same));
    BOOST_CHECK(future<int>() == any_future());
    const std::unordered_set<future<int>> set{a, b, same};
    BOOST_TEST(set.size() == 2u);
    const std::unordered_set<any_future> mixed{a, b, any};
    BOOST_TEST(mixed.size() == 2u);
    const std::map<any_future, int> map{{a, 1}, {b, 2}};
    BOOST_TEST(map.at(same) == 1);
    same.set_result(3);
    BOOST_TEST(a.result() == 3);
    BOOST_CHECK(a.loop() == loop);
  });
}

BOOST_AUTO_TEST_CASE(an_empty_handle_names_the_call_that_it_cannot_serve) {
  const future<int> f;
  BOOST_TEST(!f);
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.done(); }), "done: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.cancelled(); }), "cancelled: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.cancel(); }), "cancel: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.result(); }), "result: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.exception(); }), "exception: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.set_result(1); }), "set_result: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.set_exception(1); }), "set_exception: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.add_done_callback([] {}); }), "add_done_callback: "));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.remove_done_callback({}); }), "remove_done_callback: "));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { f.loop(); }), "loop: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)f.get(); }), "get: the handle is empty"));
  const any_task t;
  BOOST_TEST(contains(thrown<std::logic_error>([&] { t.name(); }), "name: the handle is empty"));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { t.cancel_threadsafe(); }), "cancel_threadsafe: "));
  BOOST_TEST(contains(thrown<std::logic_error>([&] { (void)cancel_and_wait(t); }), "cancel_and_wait: "));
}

BOOST_AUTO_TEST_CASE(handles_outlive_their_loop) {
  future<std::string> finished;
  future<std::string> pending;
  testing::run_virtual([&]() -> awaitable<void> {
    finished = get_running_loop().create_future<std::string>();
    pending = get_running_loop().create_future<std::string>();
    finished.set_result("kept");
    co_return;
  });
  BOOST_TEST(finished.result() == "kept");
  BOOST_TEST(pending.loop().is_closed());
  BOOST_TEST(pending.cancel("too late"));
  BOOST_TEST(pending.cancelled());
}

// --- Values ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_copyable_value_is_copied_to_everybody) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<std::string> f = get_running_loop().create_future<std::string>();
    f.set_result("text"); // converted
    const std::string a = co_await f.get();
    const std::string b = co_await f.get();
    BOOST_TEST((a == "text" && b == "text" && f.result() == "text"));
  });
}

BOOST_AUTO_TEST_CASE(a_move_only_value_is_moved_out_once) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    const future<std::unique_ptr<int>> f = loop.create_future<std::unique_ptr<int>>();
    f.set_result(std::make_unique<int>(7));
    const std::unique_ptr<int> got = co_await f.get();
    BOOST_TEST(*got == 7);
    BOOST_TEST(f.done());
    BOOST_CHECK(f.exception() == nullptr);
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { f.result(); }), "already taken"));
    const settled<std::unique_ptr<int>> again = co_await settle(f);
    BOOST_TEST(contains(support::text_in<invalid_state_error>(again.error()), "already taken"));

    // Two who wait: the first one gets it.
    const future<std::unique_ptr<int>> g = loop.create_future<std::unique_ptr<int>>();
    trace order;
    auto wait = [&]() -> awaitable<void> {
      const settled<std::unique_ptr<int>> s = co_await settle(g);
      order.push_back(s ? std::to_string(**s) : support::text_in<invalid_state_error>(s.error()));
    };
    create_task(wait);
    create_task(wait);
    co_await testing::passes(1);
    g.set_result(std::make_unique<int>(8));
    co_await testing::passes(1);
    CHECK_TRACE(order, "8", "the value of the future was already taken");

    auto body = []() -> awaitable<std::unique_ptr<int>> { co_return std::make_unique<int>(9); };
    const task<std::unique_ptr<int>> t = create_task(body);
    const std::unique_ptr<int> nine = co_await t.get();
    BOOST_TEST(*nine == 9);
    BOOST_TEST(contains(thrown<invalid_state_error>([&] { t.result(); }), "already taken"));
  });
}

BOOST_AUTO_TEST_CASE(a_value_without_default_constructor) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<no_default> f = get_running_loop().create_future<no_default>();
    f.set_result(no_default(7));
    const no_default got = co_await f.get();
    BOOST_TEST(got.number == 7);
    auto body = []() -> awaitable<no_default> {
      co_await testing::passes(1);
      co_return no_default(8);
    };
    const task<no_default> t = create_task(body);
    const no_default eight = co_await t.get();
    BOOST_TEST(eight.number == 8);
    auto failing = []() -> awaitable<no_default> {
      throw std::logic_error("no value at all");
      co_return no_default(0);
    };
    const task<no_default> u = create_task(failing);
    const settled<no_default> s = co_await settle(u);
    BOOST_TEST(support::text_in<std::logic_error>(s.error()) == "no value at all");
  });
  BOOST_TEST(testing::run_virtual([]() -> awaitable<no_default> { co_return no_default(9); }).number == 9);
}

BOOST_AUTO_TEST_CASE(a_future_of_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<> f = get_running_loop().create_future();
    BOOST_CHECK_THROW(f.result(), invalid_state_error);
    f.set_result();
    BOOST_CHECK_THROW(f.set_result(), invalid_state_error);
    co_await f.get();
    co_await f.get();
    f.result();
    BOOST_CHECK(f.exception() == nullptr);
    const future<> g = get_running_loop().create_future();
    g.set_exception(std::logic_error("broken"));
    const settled<void> s = co_await settle(g);
    BOOST_TEST(support::text_in<std::logic_error>(s.error()) == "broken");
  });
}

BOOST_AUTO_TEST_CASE(an_optional_and_an_exception_pointer_are_values_like_any_other) {
  testing::run_virtual([]() -> awaitable<void> {
    const future<std::optional<int>> f = get_running_loop().create_future<std::optional<int>>();
    f.set_result(std::nullopt);
    const std::optional<int> empty = co_await f.get();
    BOOST_TEST(!empty.has_value());
    const future<std::exception_ptr> g = get_running_loop().create_future<std::exception_ptr>();
    g.set_result(std::make_exception_ptr(1));
    const std::exception_ptr error = co_await g.get();
    BOOST_CHECK(error != nullptr);
    BOOST_CHECK(g.exception() == nullptr);
  });
}

BOOST_AUTO_TEST_CASE(temporaries_can_be_awaited_directly) {
  testing::run_virtual([]() -> awaitable<void> {
    const event_loop loop = get_running_loop();
    future<int> f = loop.create_future<int>();
    loop.call_soon([f] { f.set_result(5); });
    const int five = co_await std::move(f);
    BOOST_TEST(five == 5);
    future<int> g = loop.create_future<int>();
    g.set_result(6);
    const int six = co_await future<int>(g);
    BOOST_TEST(six == 6);
  });
}
