// file_log on the file system: what is read again, batches, compaction, and every directory that it must refuse.
// SPDX-License-Identifier: BSL-1.0
// labels: threads
#include "log_support.hpp"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

using namespace log_test;

namespace {

using numbers = std::vector<std::uint32_t>;

tp::file_log_options small() { return tp::file_log_options().segment_size(small_segment); }

tp::log_contents reopen(const std::string& directory) { return tp::file_log(directory, small()).open(); }

/// The code and text of what `open` throws.
std::pair<std::error_code, std::string> refusal(const std::string& directory, const tp::file_log_options& options) {
  tp::file_log log(directory, options);
  try {
    log.open();
  } catch (const tp::log_error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

std::string segment_path(const temporary_directory& directory, int number) {
  return fmt::format("{}/{:010}.rondolog", directory.path(), number);
}

void overwrite(const std::string& path, std::streamoff offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file << bytes;
}

} // namespace

BOOST_AUTO_TEST_CASE(an_empty_directory_becomes_a_log_that_keeps_its_identity) {
  const temporary_directory directory;
  rondo::two_phase::log_uuid id;
  {
    tp::file_log log(directory.path(), small());
    const auto contents = log.open();
    id = contents.id();
    BOOST_TEST(contents.created());
    BOOST_TEST(!id.is_nil());
    BOOST_TEST(contents.records().empty());
    BOOST_TEST(log.durable());
    BOOST_TEST((log.health() == tp::log_health::ready));
    BOOST_TEST(force(log, record(1)).succeeded());
    const std::vector group = {record(2), record(3, 0), record(4, 1000)};
    BOOST_TEST(force(log, group).succeeded());
  }
  const auto contents = reopen(directory.path());
  BOOST_TEST(!contents.created());
  BOOST_TEST((contents.id() == id));
  BOOST_TEST(!contents.cut());
  const std::vector expected = {record(1), record(2), record(3, 0), record(4, 1000)};
  BOOST_TEST((contents.records() == expected));
}

BOOST_AUTO_TEST_CASE(an_appended_record_is_written_with_the_next_force_or_at_close) {
  const temporary_directory directory;
  {
    tp::file_log log(directory.path(), small());
    log.open();
    log.append(record(1));
    BOOST_TEST(force(log, record(2)).succeeded());
    BOOST_TEST(log.statistics().batches() == 1);
    BOOST_TEST(log.statistics().records() == 2);
    log.append(record(3));
    log.close();
    BOOST_TEST((log.health() == tp::log_health::closed));
  }
  BOOST_TEST(numbers_of(reopen(directory.path()).records()) == (numbers{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(many_appended_records_do_not_wait_for_a_force) {
  const temporary_directory directory;
  tp::file_log log(directory.path(), small().max_batch(4));
  log.open();
  for (std::uint32_t i = 0; i < 4; ++i)
    log.append(record(i));
  while (log.statistics().batches() == 0)
    std::this_thread::yield();
  BOOST_TEST(log.statistics().records() == 4);
}

BOOST_AUTO_TEST_CASE(what_waits_during_a_write_becomes_one_batch) {
  const temporary_directory directory;
  tp::file_log log(directory.path(), small());
  log.open();
  constexpr std::uint32_t count = 50;
  std::atomic<std::uint32_t> done = 0;
  std::promise<void> all;
  const auto note = [&](const tp::log_result& result) {
    if (result.succeeded() && ++done == count + 1) all.set_value();
  };
  // The first callback holds the thread up while the others queue.
  log.force(record(0), [&](const tp::log_result& result) {
    for (std::uint32_t i = 1; i <= count; ++i)
      log.force(record(i), note);
    note(result);
  });
  all.get_future().get();
  BOOST_TEST(log.statistics().batches() == 2);
  BOOST_TEST(log.statistics().records() == count + 1);
  log.close();
  BOOST_TEST(reopen(directory.path()).records().size() == count + 1);
}

BOOST_AUTO_TEST_CASE(forces_of_many_threads_are_all_there) {
  const temporary_directory directory;
  constexpr std::uint32_t each = 50;
  {
    tp::file_log log(directory.path(), small().max_batch(3));
    log.open();
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 4; ++t)
      threads.emplace_back([&log, t] {
        for (std::uint32_t i = 0; i < each; ++i)
          if (!force(log, record(t * each + i, 700)).succeeded()) std::abort();
      });
    for (std::thread& thread : threads)
      thread.join();
    BOOST_TEST(log.statistics().segments() > 2);
  }
  auto found = numbers_of(reopen(directory.path()).records());
  BOOST_TEST_REQUIRE(found.size() == 4 * each);
  for (std::uint32_t t = 0; t < 4; ++t) { // the order of each thread is kept
    numbers own;
    std::ranges::copy_if(found, std::back_inserter(own), [t](std::uint32_t n) { return n / each == t; });
    BOOST_TEST(std::ranges::is_sorted(own));
    BOOST_TEST(own.size() == each);
  }
}

BOOST_AUTO_TEST_CASE(compaction_leaves_the_live_records_and_what_came_later) {
  const temporary_directory directory;
  {
    tp::file_log log(directory.path(), small());
    const auto id = log.open().id();
    for (std::uint32_t i = 0; i < 40; ++i)
      BOOST_TEST_REQUIRE(force(log, record(i, 5000)).succeeded());
    BOOST_TEST(log.statistics().segments() == 4);
    const std::vector live = {record(7), record(9, 70'000)}; // more than a segment holds
    BOOST_TEST(compact(log, live).succeeded());
    BOOST_TEST(log.statistics().segments() == 1);
    BOOST_TEST(!std::filesystem::exists(segment_path(directory, 1)));
    BOOST_TEST(force(log, record(100)).succeeded());
    log.close();
    const auto contents = reopen(directory.path());
    BOOST_TEST((contents.id() == id));
    BOOST_TEST(numbers_of(contents.records()) == (numbers{7, 9, 100}), boost::test_tools::per_element());
  }
  tp::file_log log(directory.path(), small());
  log.open();
  BOOST_TEST(compact(log, {}).succeeded());
  BOOST_TEST(log.statistics().bytes() == 0);
  log.close();
  BOOST_TEST(reopen(directory.path()).records().empty());
}

BOOST_AUTO_TEST_CASE(compaction_is_refused_while_a_force_has_not_called_back) {
  const temporary_directory directory;
  tp::file_log log(directory.path(), small());
  log.open();
  std::promise<void> second;
  bool refused = false;
  log.force(record(1), [&](const tp::log_result&) {
    log.force(record(2), [&](const tp::log_result&) { second.set_value(); });
    try {
      log.compact({}, [](const tp::log_result&) {});
    } catch (const std::logic_error&) {
      refused = true;
    }
  });
  second.get_future().get();
  BOOST_TEST(refused);
  BOOST_TEST(compact(log, {}).succeeded());
}

BOOST_AUTO_TEST_CASE(misuse_throws_and_calls_nothing_back) {
  const temporary_directory directory;
  const auto never = [](const tp::log_result&) { std::abort(); };
  BOOST_CHECK_THROW(tp::file_log(""), std::invalid_argument);
  BOOST_CHECK_THROW(tp::file_log("x", tp::file_log_options().segment_size(1000)), std::invalid_argument);
  BOOST_CHECK_THROW(tp::file_log("x", tp::file_log_options().max_batch(0)), std::invalid_argument);
  tp::file_log log(directory.path(), small());
  BOOST_CHECK_THROW(log.force(record(1), never), std::logic_error);
  log.open();
  BOOST_CHECK_THROW(log.open(), std::logic_error);
  BOOST_CHECK_THROW(log.force(std::span<const tp::log_record>(), never), std::invalid_argument);
  BOOST_CHECK_THROW(log.force(record(1), nullptr), std::invalid_argument);
  BOOST_CHECK_THROW(log.force(record(1, small_segment), never), std::invalid_argument);
  BOOST_CHECK_THROW(log.append(record(1, small_segment)), std::invalid_argument);
  std::promise<bool> refused;
  log.force(record(1), [&](const tp::log_result&) {
    try {
      log.close();
      refused.set_value(false);
    } catch (const std::logic_error&) {
      refused.set_value(true);
    }
  });
  BOOST_TEST(refused.get_future().get());
  log.close();
  log.close();
  BOOST_CHECK_THROW(log.force(record(1), never), std::logic_error);
  BOOST_CHECK_THROW(log.compact({}, never), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_missing_directory_and_an_unmounted_one_are_refused) {
  const temporary_directory directory;
  const auto [code, text] = refusal(directory.path() + "/none", small());
  BOOST_TEST((code == tp::log_errc::missing));
  BOOST_TEST(text.find("/none is missing") != std::string::npos);
  const auto empty = refusal(directory.path(), small().must_exist(true));
  BOOST_TEST((empty.first == tp::log_errc::missing));
  BOOST_TEST(empty.second.find("mounted") != std::string::npos);
  BOOST_TEST(refusal(directory.path(), small()).second == "");
  BOOST_TEST(refusal(directory.path(), small().must_exist(true)).second == "");
}

BOOST_AUTO_TEST_CASE(a_directory_of_something_else_is_refused_and_left_alone) {
  const temporary_directory directory;
  std::ofstream(directory.path() + "/letter.txt") << "dear";
  const auto [code, text] = refusal(directory.path(), small());
  BOOST_TEST((code == tp::log_errc::foreign));
  BOOST_TEST(text.find("letter.txt") != std::string::npos);
  BOOST_TEST(!std::filesystem::exists(directory.path() + "/lock"));
  BOOST_TEST((refusal(directory.path() + "/letter.txt", small()).first == std::errc::not_a_directory));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_segment_and_parts_of_two_logs_are_refused) {
  const temporary_directory first;
  std::ofstream(segment_path(first, 1)) << std::string(5000, 'x');
  BOOST_TEST((refusal(first.path(), small()).first == tp::log_errc::foreign));

  const temporary_directory second;
  const temporary_directory third;
  for (const auto* directory : {&second, &third}) {
    tp::file_log log(directory->path(), small());
    log.open();
    for (std::uint32_t i = 0; i < 20; ++i)
      BOOST_TEST_REQUIRE(force(log, record(i, 5000)).succeeded());
  }
  std::filesystem::copy_file(segment_path(second, 2), segment_path(third, 2),
                             std::filesystem::copy_options::overwrite_existing);
  BOOST_TEST((refusal(third.path(), small()).first == tp::log_errc::foreign));
}

BOOST_AUTO_TEST_CASE(a_missing_segment_is_refused) {
  const temporary_directory directory;
  {
    tp::file_log log(directory.path(), small());
    log.open();
    for (std::uint32_t i = 0; i < 40; ++i)
      BOOST_TEST_REQUIRE(force(log, record(i, 5000)).succeeded());
  }
  std::filesystem::remove(segment_path(directory, 2));
  const auto [code, text] = refusal(directory.path(), small());
  BOOST_TEST((code == tp::log_errc::corrupt));
  BOOST_TEST(text.find("0000000002.rondolog") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_torn_tail_is_cut_reported_and_written_over) {
  const temporary_directory directory;
  {
    tp::file_log log(directory.path(), small());
    log.open();
    BOOST_TEST_REQUIRE(force(log, record(1)).succeeded());
  }
  overwrite(segment_path(directory, 1), 4096 + 40, "half a record");
  const auto contents = reopen(directory.path());
  BOOST_TEST(contents.records().size() == 1);
  BOOST_TEST_REQUIRE(contents.cut().has_value());
  BOOST_TEST(contents.cut()->offset() == 4096 + 40);
  BOOST_TEST(contents.cut()->size() == 13);
  BOOST_TEST(contents.cut()->file() == segment_path(directory, 1));
  BOOST_TEST(!reopen(directory.path()).cut());
}

BOOST_AUTO_TEST_CASE(a_second_log_on_the_directory_is_refused_in_this_process_and_in_another) {
  const temporary_directory directory;
  tp::file_log log(directory.path(), small());
  log.open();
  BOOST_TEST((refusal(directory.path(), small()).first == tp::log_errc::locked));
  const pid_t child = ::fork();
  if (child == 0) {
    // A copy of the lock's descriptor would hold it: the child opens the directory anew, as a stranger does.
    ::_exit(refusal(directory.path(), small()).first == tp::log_errc::locked ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(force(log, record(1)).succeeded());
  log.close();
  BOOST_TEST(reopen(directory.path()).records().size() == 1);
}

BOOST_AUTO_TEST_CASE(a_read_only_directory_is_refused) {
  const temporary_directory directory;
  const pid_t child = ::fork();
  if (child == 0) {
    // Root may write everywhere.
    if (::geteuid() == 0 && (::chown(directory.path().c_str(), 65534, 65534) != 0 || ::seteuid(65534) != 0)) ::_exit(2);
    std::filesystem::permissions(directory.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    ::_exit(refusal(directory.path(), small()).first == std::errc::permission_denied ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  std::filesystem::permissions(directory.path(), std::filesystem::perms::owner_all);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_limit_on_file_sizes_is_an_error_and_not_a_signal) {
  const temporary_directory directory;
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{10'000, 10'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(refusal(directory.path(), small()).first == std::errc::file_too_large ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(refusal(directory.path(), small()).second == ""); // nothing in the way was left behind
}
