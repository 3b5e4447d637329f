// CPython's test_tasks: gather.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"
#include "../support/futures.hpp"
#include "../support/trace.hpp"
#include "tasks.hpp"

#include <rondo/rondo.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using cpython::run_briefly;
using cpython::text_of;
using support::await_future;
using support::futures;
using support::message_of;
using support::new_future;
using support::new_futures;
using support::text_in;
using support::thrown;
using support::waiters_of;

namespace {

using ints = std::vector<int>;

/// Coroutines that await the futures.
std::vector<awaitable<int>> wrapped(const futures& set) {
  std::vector<awaitable<int>> coroutines;
  for (const auto& f : set)
    coroutines.push_back(await_future(f));
  return coroutines;
}

/// CPython runs these tests with gathers of futures and with gathers of coroutines: `test(wrap)` is called for both.
template <class Test>
void with_futures_and_coroutines(Test test) {
  BOOST_TEST_CONTEXT("futures") {
    test([](const futures& set) { return set; });
  }
  BOOST_TEST_CONTEXT("coroutines") { test(wrapped); }
}

/// Collects the handles that a done callback gets.
struct recorder {
  std::vector<any_future>* calls;
  void operator()(const any_future& f) const { calls->push_back(f); }
};

} // namespace

// --- both kinds of children ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_success) {
  with_futures_and_coroutines([](auto wrap) {
    testing::run_virtual([&]() -> awaitable<void> {
      const futures f = new_futures(3);
      auto fut = gather(wrap(f));
      std::vector<any_future> calls;
      fut.add_done_callback(recorder{&calls});
      f[1].set_result(1);
      f[0].set_result(2);
      co_await testing::settle_all();
      BOOST_TEST(calls.empty());
      BOOST_TEST(!fut.done());
      f[2].set_result(3);
      co_await testing::settle_all();
      BOOST_TEST((calls == std::vector<any_future>{fut}));
      BOOST_TEST((fut.result() == ints{2, 1, 3}));
    });
  });
}

BOOST_AUTO_TEST_CASE(test_result_exception_success) {
  with_futures_and_coroutines([](auto wrap) {
    testing::run_virtual([&]() -> awaitable<void> {
      const futures f = new_futures(3);
      auto fut = gather_settled(wrap(f));
      std::vector<any_future> calls;
      fut.add_done_callback(recorder{&calls});
      f[1].set_result(1);
      f[0].set_result(2);
      co_await testing::settle_all();
      BOOST_TEST(calls.empty());
      BOOST_TEST(!fut.done());
      f[2].set_result(3);
      co_await testing::settle_all();
      BOOST_TEST((calls == std::vector<any_future>{fut}));
      const auto result = fut.result();
      BOOST_REQUIRE(result.size() == 3u);
      BOOST_TEST(result[0].value() == 2);
      BOOST_TEST(result[1].value() == 1);
      BOOST_TEST(result[2].value() == 3);
    });
  });
}

BOOST_AUTO_TEST_CASE(test_one_exception) {
  with_futures_and_coroutines([](auto wrap) {
    testing::run_virtual([&]() -> awaitable<void> {
      const futures f = new_futures(5);
      auto fut = gather(wrap(f));
      std::vector<any_future> calls;
      fut.add_done_callback(recorder{&calls});
      const std::exception_ptr exc = std::make_exception_ptr(std::domain_error("division by zero"));
      f[0].set_result(1);
      f[1].set_exception(exc);
      co_await testing::settle_all();
      BOOST_TEST(fut.done());
      BOOST_TEST((calls == std::vector<any_future>{fut}));
      BOOST_TEST((fut.exception() == exc));
      // what comes now changes nothing
      f[2].set_result(3);
      f[3].cancel();
      f[4].set_exception(std::runtime_error("late"));
      BOOST_TEST(text_in<std::runtime_error>(f[4].exception()) == "late");
      co_await testing::settle_all();
      BOOST_TEST(calls.size() == 1u);
      BOOST_TEST((fut.exception() == exc));
    });
  });
}

BOOST_AUTO_TEST_CASE(test_return_exceptions) {
  with_futures_and_coroutines([](auto wrap) {
    testing::run_virtual([&]() -> awaitable<void> {
      const futures f = new_futures(4);
      auto fut = gather_settled(wrap(f));
      std::vector<any_future> calls;
      fut.add_done_callback(recorder{&calls});
      const std::exception_ptr exc = std::make_exception_ptr(std::domain_error("division by zero"));
      const std::exception_ptr exc2 = std::make_exception_ptr(std::runtime_error("another"));
      f[1].set_result(1);
      f[2].set_exception(exc);
      f[0].set_result(3);
      co_await testing::settle_all();
      BOOST_TEST(!fut.done());
      f[3].set_exception(exc2);
      co_await testing::settle_all();
      BOOST_TEST(fut.done());
      BOOST_TEST((calls == std::vector<any_future>{fut}));
      const auto result = fut.result();
      BOOST_REQUIRE(result.size() == 4u);
      BOOST_TEST(result[0].value() == 3);
      BOOST_TEST(result[1].value() == 1);
      BOOST_TEST((result[2].error() == exc));
      BOOST_TEST((result[3].error() == exc2));
    });
  });
}

// --- futures -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_constructor_empty_sequence_without_loop) {
  BOOST_TEST(thrown<std::runtime_error>([] { gather(); }) == "no running event loop");
}

BOOST_AUTO_TEST_CASE(test_constructor_empty_sequence_use_running_loop) {
  testing::virtual_runner r;
  const auto body = []() -> awaitable<gather_future<ints>> { co_return gather(futures()); };
  const auto fut = r.loop().run_until_complete(body);
  BOOST_TEST((fut.loop() == r.loop()));
  r.loop().run_until_complete(testing::settle_all());
  BOOST_TEST(fut.done());
  BOOST_TEST((fut.result() == ints()));
}

BOOST_AUTO_TEST_CASE(test_constructor_heterogenous_futures) {
  testing::virtual_runner one;
  testing::virtual_runner other;
  auto fut1 = one.loop().create_future<int>();
  auto fut2 = other.loop().create_future<int>();
  BOOST_CHECK_THROW(gather(fut1, fut2), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(test_constructor_homogenous_futures) {
  // Outside of a running loop: that of the futures is the gather's.
  testing::virtual_runner other;
  futures children;
  for (int i = 0; i < 3; ++i)
    children.push_back(other.loop().create_future<int>());
  for (int i = 0; i < 2; ++i) {
    auto fut = gather(children);
    BOOST_TEST((fut.loop() == other.loop()));
    other.loop().run_until_complete(testing::settle_all());
    BOOST_TEST(!fut.done());
  }
}

BOOST_AUTO_TEST_CASE(test_one_cancellation) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(5);
    auto fut = gather(f);
    std::vector<any_future> calls;
    fut.add_done_callback(recorder{&calls});
    f[0].set_result(1);
    f[1].cancel();
    co_await testing::settle_all();
    BOOST_TEST(fut.done());
    BOOST_TEST((calls == std::vector<any_future>{fut}));
    BOOST_TEST(!fut.cancelled());
    BOOST_TEST(text_in<cancelled_error>(fut.exception()) == "");
    // what comes now changes nothing
    f[2].set_result(3);
    f[3].cancel();
    f[4].set_exception(std::runtime_error("late"));
    BOOST_TEST(text_in<std::runtime_error>(f[4].exception()) == "late");
    co_await testing::settle_all();
    BOOST_TEST(calls.size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(test_result_exception_one_cancellation) {
  testing::run_virtual([]() -> awaitable<void> {
    const futures f = new_futures(6);
    auto fut = gather_settled(f);
    std::vector<any_future> calls;
    fut.add_done_callback(recorder{&calls});
    const std::exception_ptr zde = std::make_exception_ptr(std::domain_error("division by zero"));
    const std::exception_ptr rte = std::make_exception_ptr(std::runtime_error("another"));
    f[0].set_result(1);
    f[1].set_exception(zde);
    f[2].cancel();
    co_await testing::settle_all();
    BOOST_TEST(!fut.done());
    f[3].set_result(3);
    f[4].cancel();
    f[5].set_exception(rte);
    const auto res = co_await fut.get();
    BOOST_REQUIRE(res.size() == 6u);
    BOOST_TEST(res[0].value() == 1);
    BOOST_TEST((res[1].error() == zde));
    BOOST_TEST(message_of(res[2]) == "");
    BOOST_TEST(res[3].value() == 3);
    BOOST_TEST(message_of(res[4]) == "");
    BOOST_TEST((res[5].error() == rte));
    co_await run_briefly();
    BOOST_TEST((calls == std::vector<any_future>{fut}));
  });
}

// --- coroutines ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(test_constructor_without_loop) {
  BOOST_TEST(thrown<std::runtime_error>([] { gather(text_of("abc"), text_of("abc")); }) == "no running event loop");
}

BOOST_AUTO_TEST_CASE(test_constructor_use_running_loop) {
  using both = std::tuple<std::string, std::string>;
  testing::virtual_runner r;
  const auto body = []() -> awaitable<gather_future<both>> { co_return gather(text_of("abc"), text_of("abc")); };
  const auto fut = r.loop().run_until_complete(body);
  BOOST_TEST((fut.loop() == r.loop()));
  BOOST_TEST((r.loop().run_until_complete(fut) == both("abc", "abc")));
}

BOOST_AUTO_TEST_CASE(test_duplicate_coroutines) {
  // A coroutine cannot be given twice, but its task can.
  testing::run_virtual([]() -> awaitable<void> {
    auto c = create_task(text_of("abc"));
    auto fut = gather(c, c, text_of("def"), c);
    co_await testing::settle_all();
    BOOST_TEST(
        (fut.result() == std::tuple<std::string, std::string, std::string, std::string>("abc", "abc", "def", "abc")));
  });
}

BOOST_AUTO_TEST_CASE(test_cancellation_broadcast) {
  // A cancel of the outer task reaches all children.
  testing::run_virtual([]() -> awaitable<void> {
    int proof = 0;
    auto waiter = new_future();
    const auto inner = [&]() -> awaitable<void> {
      co_await waiter.get();
      proof += 1;
    };
    auto child1 = create_task(inner);
    auto child2 = create_task(inner);
    any_future gatherer;
    const auto outer = [&]() -> awaitable<void> {
      auto g = gather(child1, child2);
      gatherer = g;
      co_await g.get();
      proof += 100;
    };
    auto f = create_task(outer);
    co_await run_briefly();
    BOOST_TEST(f.cancel());
    auto s = co_await settle(f);
    BOOST_TEST(message_of(s) == "");
    BOOST_TEST(!gatherer.cancel());
    BOOST_TEST(waiter.cancelled());
    BOOST_TEST(child1.cancelled());
    BOOST_TEST(child2.cancelled());
    co_await run_briefly();
    BOOST_TEST(proof == 0);
  });
}

BOOST_AUTO_TEST_CASE(test_exception_marking) {
  // The exception of the second child, which nobody can ask for, is not reported.
  support::log_capture log;
  testing::run_virtual([]() -> awaitable<void> {
    auto a = new_future();
    auto b = new_future();
    const auto inner = [](future<int> f) -> awaitable<void> {
      co_await f.get();
      throw std::runtime_error("should not be ignored");
    };
    const auto outer = [&]() -> awaitable<void> { co_await gather(inner(a), inner(b)); };
    auto f = create_task(outer);
    co_await run_briefly();
    a.set_result(0);
    co_await run_briefly();
    b.set_result(0);
    co_await run_briefly();
    BOOST_TEST(text_in<std::runtime_error>(f.exception()) == "should not be ignored");
  });
  BOOST_TEST(log.text() == "");
}

BOOST_AUTO_TEST_CASE(test_cancel_gather_1) {
  // A gather whose children are all done refuses to be cancelled.
  testing::virtual_runner r;
  const event_loop loop = r.loop();
  auto fut = loop.create_future<int>();
  // With the coroutine between, the gather is done later than the future.
  const auto child = [&]() -> awaitable<int> { co_return co_await fut.get(); };
  const auto create = [&]() -> awaitable<gather_future<std::tuple<int>>> { co_return gather(child()); };
  auto gathering = loop.run_until_complete(create);
  std::optional<bool> cancel_result;
  fut.add_done_callback([&] { cancel_result = gathering.cancel(); });
  fut.set_result(42);
  loop.run_until_complete(gathering);
  BOOST_REQUIRE(cancel_result.has_value());
  BOOST_TEST(!*cancel_result);
  BOOST_TEST(!gathering.cancelled());
  BOOST_TEST((gathering.result() == std::tuple(42)));
}

BOOST_AUTO_TEST_CASE(test_gather_does_not_add_callback_to_outer) {
  testing::run_virtual([]() -> awaitable<void> {
    auto outer = gather(sleep(0s), sleep(0s));
    BOOST_TEST(waiters_of(outer) == 0u);
    co_await outer.get();
  });
}
