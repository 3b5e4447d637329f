// memory_log: a log for tests, which says that it is not durable.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "log_support.hpp"

#include <rondo/two_phase/memory_log.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <thread>

using namespace log_test;

namespace {

using numbers = std::vector<std::uint32_t>;

} // namespace

BOOST_AUTO_TEST_CASE(a_log_in_memory_says_that_it_is_not_durable) {
  tp::memory_log log;
  BOOST_TEST((log.health() == tp::log_health::closed));
  BOOST_TEST(log.open().created());
  BOOST_TEST((log.health() == tp::log_health::ready));
  BOOST_TEST(!log.durable());
  BOOST_TEST(log.description().find("NOT durable") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_storage_keeps_what_a_restart_reads) {
  tp::memory_log_storage storage;
  tp::log_uuid id;
  {
    tp::memory_log log(storage);
    id = log.open().id();
    BOOST_TEST(!id.is_nil());
    const std::vector group = {record(1), record(2, 100'000)};
    BOOST_TEST(force(log, group).succeeded());
    log.append(record(3));
    BOOST_TEST(log.statistics().batches() == 1U);
  }
  tp::memory_log log(storage);
  const auto contents = log.open();
  BOOST_TEST(!contents.created());
  BOOST_TEST((contents.id() == id));
  BOOST_TEST(numbers_of(contents.records()) == (numbers{1, 2, 3}), boost::test_tools::per_element());
  const std::vector live = {record(2)};
  BOOST_TEST(compact(log, live).succeeded());
  BOOST_TEST(force(log, record(4)).succeeded());
  log.close();
  tp::memory_log again(storage);
  BOOST_TEST(numbers_of(again.open().records()) == (numbers{2, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_storage_takes_one_log_at_a_time) {
  tp::memory_log_storage storage;
  tp::memory_log first(storage);
  first.open();
  tp::memory_log second(storage);
  BOOST_CHECK_EXCEPTION(second.open(), tp::log_error,
                        [](const tp::log_error& error) { return error.code() == tp::log_errc::locked; });
  first.close();
  tp::memory_log third(storage);
  third.open();
  BOOST_TEST(force(third, record(1)).succeeded());
}

BOOST_AUTO_TEST_CASE(forces_of_many_threads_are_all_kept_in_the_order_of_each) {
  tp::memory_log_storage storage;
  constexpr std::uint32_t each = 200;
  {
    tp::memory_log log(storage);
    log.open();
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 4; ++t)
      threads.emplace_back([&log, t] {
        for (std::uint32_t i = 0; i < each; ++i) {
          log.append(record(t * 1000 + 500 + i));
          if (!force(log, record(t * 1000 + i)).succeeded()) std::abort();
          if (log.statistics().records() == 0 || log.health() != tp::log_health::ready) std::abort();
        }
      });
    for (std::thread& thread : threads)
      thread.join();
    BOOST_TEST(log.statistics().records() == 8 * each);
  }
  tp::memory_log log(storage);
  const auto found = numbers_of(log.open().records());
  BOOST_TEST_REQUIRE(found.size() == 8 * each);
  for (std::uint32_t t = 0; t < 4; ++t)
    for (const std::uint32_t base : {t * 1000, t * 1000 + 500}) {
      numbers own;
      std::ranges::copy_if(found, std::back_inserter(own), [base](auto n) { return n >= base && n < base + each; });
      BOOST_TEST(own.size() == each);
      BOOST_TEST(std::ranges::is_sorted(own));
    }
}

BOOST_AUTO_TEST_CASE(a_callback_may_use_the_log_and_not_close_it) {
  tp::memory_log log;
  log.open();
  std::promise<bool> refused;
  log.force(record(1), [&](const tp::log_result&) {
    log.append(record(2));
    log.force(record(3), [&](const tp::log_result&) {
      try {
        log.close();
        refused.set_value(false);
      } catch (const std::logic_error&) {
        refused.set_value(true);
      }
    });
  });
  BOOST_TEST(refused.get_future().get());
  log.close();
  BOOST_TEST((log.health() == tp::log_health::closed));
}
