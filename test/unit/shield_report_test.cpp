// shield: what is left on the inner future, and the report of its late exception (S2, traps 26 and 27).
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/futures.hpp"
#include "../support/shields.hpp"
#include "../support/trace.hpp"

#include <rondo/diagnostics.hpp>
#include <rondo/shield.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::await_shield;
using support::fails_after;
using support::new_future;
using support::record_reports;
using support::trace;
using support::waiters_of;

namespace {

constexpr const char* shielded_report = "std::runtime_error exception in shielded future";

} // namespace

// --- S2 ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(S2_trap_26_cancelled_shields_do_not_pile_up_on_the_inner_future) { // bpo-35125, gh-155854
  testing::run_virtual([]() -> awaitable<void> {
    auto inner = new_future();
    for (int i = 0; i < 100; ++i) {
      auto t = create_task(await_shield(inner));
      co_await testing::passes(2);
      t.cancel();
      co_await settle(t);
      BOOST_REQUIRE(waiters_of(inner) == 1u); // the report, should it fail
    }
    std::vector<future<int>> together;
    for (int i = 0; i < 100; ++i)
      together.push_back(shield(inner));
    BOOST_TEST(waiters_of(inner) == 101u);
    for (const auto& outer : together)
      outer.cancel();
    co_await testing::passes(2);
    BOOST_TEST(waiters_of(inner) == 1u);
    inner.cancel();
  });
}

BOOST_AUTO_TEST_CASE(S2_trap_27_an_exception_after_the_cancel_is_reported_once_as_cpython_3_14) { // gh-86802
  testing::run_virtual([]() -> awaitable<void> {
    auto reports = record_reports();
    auto inner = create_task(fails_after(1s, "failed inside"), task_options().name("inner"));
    for (int i = 0; i < 3; ++i)
      shield(inner).cancel();
    const any_future same = inner;
    inner = {};
    co_await sleep(2s);
    BOOST_REQUIRE(reports->size() == 1u);
    const exception_context& c = reports->front();
    BOOST_TEST(c.message == shielded_report);
    BOOST_TEST((c.exception == same.exception()));
    BOOST_TEST((c.future == same && c.task == same));
    co_return;
  });
}

BOOST_AUTO_TEST_CASE(S2_trap_27_the_report_comes_although_the_exception_is_taken_as_cpython_3_14) { // gh-156321
  testing::run_virtual([]() -> awaitable<void> {
    auto reports = record_reports();
    auto inner = create_task(fails_after(1s, "failed inside"));
    shield(inner).cancel();
    auto s = co_await settle(inner);
    BOOST_TEST(s.error_as<std::runtime_error>()->what() == std::string("failed inside"));
    co_await testing::settle_all();
    BOOST_TEST(reports->size() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(S2_the_report_has_its_place_among_the_callbacks_from_the_turn_after_the_cancel_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    get_running_loop().set_exception_handler([&](event_loop, const exception_context&) { log.push_back("report"); });
    auto inner = new_future();
    auto outer = shield(inner);
    inner.add_done_callback([&] { log.push_back("cb1"); });
    outer.cancel();
    inner.add_done_callback([&] { log.push_back("cb2"); });
    co_await testing::passes(2);
    inner.add_done_callback([&] { log.push_back("cb3"); });
    inner.set_exception(std::runtime_error("x"));
    co_await testing::passes(2);
    CHECK_TRACE(log, "cb1", "cb2", "report", "cb3");
  });
}

BOOST_AUTO_TEST_CASE(S2_an_exception_in_the_pass_of_the_cancel_is_not_reported_by_the_shield_as_cpython_3_14) {
  testing::run_virtual([]() -> awaitable<void> {
    auto reports = record_reports();
    auto inner = new_future();
    shield(inner).cancel();
    inner.set_exception(std::runtime_error("x"));
    co_await testing::settle_all();
    BOOST_TEST(reports->empty());
    inner = {}; // nobody has looked at it
    BOOST_REQUIRE(reports->size() == 1u);
    BOOST_TEST(reports->front().message == "Future exception was never retrieved");
  });
}

BOOST_AUTO_TEST_CASE(S2_results_and_cancellations_after_the_cancel_are_no_news) {
  testing::run_virtual([]() -> awaitable<void> {
    auto reports = record_reports();
    auto a = new_future();
    auto b = new_future();
    shield(a).cancel();
    shield(b).cancel();
    co_await testing::passes(2);
    a.set_result(1);
    b.cancel();
    co_await testing::settle_all();
    BOOST_TEST(reports->empty());
  });
}

BOOST_AUTO_TEST_CASE(S2_trap_27_another_shield_still_gets_the_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    auto reports = record_reports();
    auto inner = create_task(fails_after(1s, "failed inside"));
    auto other = shield(inner);
    shield(inner).cancel();
    auto s = co_await settle(other);
    BOOST_TEST((s.error_as<std::runtime_error>() != nullptr));
    BOOST_TEST(reports->size() == 1u);
  });
}
