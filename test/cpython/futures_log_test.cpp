// After CPython's test_futures: what is reported of exceptions that nobody asks for.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"

#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/runner.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rondo;
using support::contains;

namespace {

/// Does something with a new future, drops it, and gives what is in the log after a pass of the loop.
template <class F>
std::string report_on(F use) {
  const support::log_capture log;
  testing::run_virtual([&]() -> awaitable<void> {
    use(get_running_loop().create_future<int>());
    co_await testing::passes(1);
  });
  return log.text();
}

/// Drops a future with an exception and looks at the report.
void check_never_retrieved(bool debug) {
  const std::exception_ptr error = std::make_exception_ptr(std::bad_alloc());
  std::vector<exception_context> reports;
  testing::run_virtual(
      [&]() -> awaitable<void> {
        const event_loop loop = get_running_loop();
        loop.set_exception_handler([&](event_loop, const exception_context& c) { reports.push_back(c); });
        loop.create_future<int>().set_exception(error);
        co_await testing::passes(1);
        loop.set_exception_handler({});
      },
      run_options().debug(debug));
  BOOST_REQUIRE(reports.size() == 1U);
  BOOST_TEST(reports[0].message.starts_with("Future exception was never retrieved"));
  BOOST_CHECK(reports[0].exception == error);
}

} // namespace

BOOST_AUTO_TEST_CASE(test_tb_logger_abandoned) {
  BOOST_TEST(report_on([](future<int>) {}) == "");
}

BOOST_AUTO_TEST_CASE(test_tb_logger_not_called_after_cancel) {
  const auto use = [](future<int> f) {
    f.set_exception(std::runtime_error("boom"));
    BOOST_TEST(!f.cancel()); // it comes too late, but says that nobody cares
  };
  BOOST_TEST(report_on(use) == "");
}

BOOST_AUTO_TEST_CASE(test_tb_logger_result_unretrieved) {
  BOOST_TEST(report_on([](future<int> f) { f.set_result(42); }) == "");
}

BOOST_AUTO_TEST_CASE(test_tb_logger_result_retrieved) {
  const auto use = [](future<int> f) {
    f.set_result(42);
    BOOST_TEST(f.result() == 42);
  };
  BOOST_TEST(report_on(use) == "");
}

BOOST_AUTO_TEST_CASE(test_tb_logger_exception_unretrieved) {
  const std::string report = report_on([](future<int> f) { f.set_exception(std::runtime_error("boom")); });
  BOOST_TEST(contains(report, "Future exception was never retrieved"));
  BOOST_TEST(contains(report, "boom"));
}

BOOST_AUTO_TEST_CASE(test_tb_logger_exception_retrieved) {
  const auto use = [](future<int> f) {
    f.set_exception(std::runtime_error("boom"));
    BOOST_CHECK(f.exception() != nullptr);
  };
  BOOST_TEST(report_on(use) == "");
}

BOOST_AUTO_TEST_CASE(test_tb_logger_exception_result_retrieved) {
  const auto use = [](future<int> f) {
    f.set_exception(std::runtime_error("boom"));
    BOOST_CHECK_THROW(f.result(), std::runtime_error);
  };
  BOOST_TEST(report_on(use) == "");
}

BOOST_AUTO_TEST_CASE(test_future_exception_never_retrieved) { check_never_retrieved(false); }

BOOST_AUTO_TEST_CASE(test_future_exception_never_retrieved_debug) { check_never_retrieved(true); }
