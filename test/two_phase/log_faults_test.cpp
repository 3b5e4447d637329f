// Every call that changes something fails once, in every way, and then the process or the power is gone.
// SPDX-License-Identifier: BSL-1.0
#include "fake_files.hpp"
#include "log/reader.hpp"
#include "log_support.hpp"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <map>
#include <thread>

using namespace log_test;
using effect = fake_files::effect;

namespace {

tp::file_log_options options_for(fake_files& files) {
  return tp::file_log_options().segment_size(small_segment).files(files);
}

/// What the caller of the log knows about each record when the process ends.
class knowledge {
public:
  void note(std::uint32_t number, const tp::log_result& result) { results_[number] = result.failure(); }
  void note_lazy(std::uint32_t number) { results_[number] = tp::log_failure::ambiguous; }

  /// Records up to here are dropped by a compaction that succeeded, or perhaps if it is ambiguous.
  void note_compaction(std::uint32_t below, const tp::log_result& result) {
    if (result.succeeded()) std::erase_if(results_, [below](const auto& each) { return each.first < below; });
    if (result.failure() == tp::log_failure::ambiguous) perhaps_dropped_below_ = below;
  }

  /// Why the records contradict what the caller was told; empty if they do not.
  std::string contradiction(const std::vector<tp::log_record>& records) const {
    const auto found = numbers_of(records);
    if (!std::ranges::is_sorted(found)) return "the order is not that of the calls";
    for (const std::uint32_t number : found) {
      const auto told = results_.find(number);
      if (told == results_.end()) return fmt::format("record {} was dropped, or never written", number);
      if (told->second == tp::log_failure::definite) return fmt::format("record {} failed for certain", number);
    }
    const bool dropped = perhaps_dropped_below_ != 0 && (found.empty() || found.front() >= perhaps_dropped_below_);
    for (const auto& [number, told] : results_)
      if (told == tp::log_failure::none && !std::ranges::binary_search(found, number))
        if (!dropped || number >= perhaps_dropped_below_) return fmt::format("record {} is lost", number);
    for (const std::uint32_t first : groups_) { // all three records of a group, or none
      const auto count = std::ranges::count_if(found, [first](auto n) { return n >= first && n < first + 3; });
      if (count != 0 && count != 3) return fmt::format("{} of the group from {}", count, first);
    }
    return {};
  }

  void note_group(std::uint32_t first) { groups_.push_back(first); }
  bool poisoned() const {
    return std::ranges::any_of(results_, [](const auto& each) { return each.second == tp::log_failure::ambiguous; });
  }

private:
  std::map<std::uint32_t, tp::log_failure> results_;
  std::vector<std::uint32_t> groups_;
  std::uint32_t perhaps_dropped_below_ = 0;
};

/// Opens, forces over the end of a segment, compacts, forces again, closes. Ends early if the log cannot be opened.
knowledge run_program(fake_files& files) {
  knowledge known;
  tp::file_log log("log", options_for(files));
  try {
    log.open();
  } catch (const tp::log_error&) {
    return known;
  }
  std::uint32_t next = 1;
  const auto one = [&](std::size_t size) {
    const std::uint32_t number = next++;
    known.note(number, force(log, record(number, size)));
  };
  const auto group = [&] {
    const std::vector three = {record(next), record(next + 1, 900), record(next + 2)};
    const tp::log_result result = force(log, three);
    known.note_group(next);
    for (int i = 0; i < 3; ++i)
      known.note(next++, result);
  };
  one(16);
  group();
  log.append(record(next));
  known.note_lazy(next++);
  for (int i = 0; i < 3; ++i)
    one(25'000);
  group();
  if (log.health() != tp::log_health::poisoned) known.note_compaction(next, compact(log, {}));
  one(16);
  group();
  log.append(record(next));
  known.note_lazy(next++);
  return known;
}

struct fault {
  int error;
  effect what;
  bool lasting;
};

// Unoptimized builds would take a minute.
#ifdef __OPTIMIZE__
constexpr std::size_t restarts = 6;
#else
constexpr std::size_t restarts = 1;
#endif

constexpr fault faults[] = {
    {ENOSPC, effect::none, false}, {ENOSPC, effect::none, true},    {ENOSPC, effect::partial, false},
    {EIO, effect::none, false},    {EIO, effect::full, false},      {EIO, effect::partial, false},
    {EIO, effect::none, true},     {EDQUOT, effect::partial, true}, {EROFS, effect::none, true},
};

/// What a restart reads, or "refused: ..." in the error.
std::vector<tp::log_record> read_again(fake_files& files, std::string& error) {
  try {
    tp::file_log log("log", options_for(files));
    return log.open().records();
  } catch (const std::exception& refused) {
    error = fmt::format("refused: {}", refused.what());
    return {};
  }
}

/// A restart that reads the log and writes one record more; what is read then, or why it failed in `error`.
std::vector<tp::log_record> read_and_write(fake_files& files, const tp::log_record& added, std::string& error) {
  try {
    tp::file_log log("log", options_for(files));
    auto records = log.open().records();
    if (!force(log, added).succeeded()) error = "a log that was opened again takes nothing";
    records.push_back(added);
    return records;
  } catch (const std::exception& refused) {
    error = fmt::format("refused: {}", refused.what());
    return {};
  }
}

/// The restart, then a loss of power: what was read once, and may have been acted on, must stay.
std::string check_restarts(fake_files& files, const knowledge& known, std::mt19937_64& random, bool power_first) {
  const auto survives = [&random] { return random() % 2 == 0; };
  power_first ? files.lose_power(survives) : files.restart();
  std::string error;
  auto first = read_again(files, error);
  if (!error.empty()) return error;
  if (const std::string wrong = known.contradiction(first); !wrong.empty()) return wrong;
  files.lose_power([] { return false; });
  const auto second = read_and_write(files, record(1000), error);
  if (!error.empty()) return "after a loss of power, " + error;
  first.push_back(record(1000));
  if (first != second) return "what a restart had read was lost with the power";
  files.lose_power(survives);
  const auto third = read_again(files, error);
  if (!error.empty()) return "after a record more, " + error;
  return third == second ? std::string() : "what was written after a restart was lost with the power";
}

} // namespace

BOOST_AUTO_TEST_CASE(the_program_without_a_fault_keeps_every_record) {
  fake_files files;
  const knowledge known = run_program(files);
  std::string error;
  BOOST_TEST(known.contradiction(read_again(files, error)) == "");
  BOOST_TEST(error == "");
  BOOST_TEST(files.calls() > 40);
}

BOOST_AUTO_TEST_CASE(no_failing_call_loses_or_invents_a_record) {
  fake_files counted;
  run_program(counted);
  const std::size_t calls = counted.calls();
  std::mt19937_64 random(1);
  std::size_t ambiguous = 0;
  for (const fault& each : faults)
    for (std::size_t call = 1; call <= calls; ++call) {
      fake_files files;
      files.fail(call, each.error, each.what, each.lasting);
      const knowledge known = run_program(files);
      ambiguous += known.poisoned() ? 1 : 0;
      for (std::size_t restart = 0; restart < restarts; ++restart) {
        fake_files copy = files;
        const std::string wrong = check_restarts(copy, known, random, (call + restart) % 2 == 1);
        BOOST_TEST_REQUIRE(wrong == "", fmt::format("call {}, error {}, effect {}: {}", call, each.error,
                                                    static_cast<int>(each.what), wrong));
      }
    }
  BOOST_TEST(ambiguous > calls);
}

BOOST_AUTO_TEST_CASE(the_power_may_go_at_any_call) {
  fake_files counted;
  run_program(counted);
  std::mt19937_64 random(2);
  for (std::size_t call = 1; call <= counted.calls(); ++call) {
    fake_files files;
    files.fail(call, EIO, effect::none, true); // nothing happens from there on
    const knowledge known = run_program(files);
    for (std::size_t i = 0; i < 2 + 3 * restarts; ++i) {
      fake_files copy = files;
      const std::string wrong = check_restarts(copy, known, random, true);
      BOOST_TEST_REQUIRE(wrong == "", fmt::format("call {}: {}", call, wrong));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_failure_while_a_log_is_opened_leaves_it_as_it_was) {
  fake_files written;
  const knowledge known = run_program(written);
  written.lose_power([] { return false; });
  written.bytes(written.names().at(1)).at(30'000) = std::byte{1}; // a torn tail to cut
  std::mt19937_64 random(3);
  for (const fault& each : faults)
    for (std::size_t call = 1; call < 12; ++call) {
      fake_files files = written;
      files.fail(call, each.error, each.what, each.lasting);
      std::string error;
      const auto found = read_again(files, error);
      if (error.empty()) BOOST_TEST_REQUIRE(known.contradiction(found) == "");
      for (std::size_t restart = 0; restart < 3; ++restart) {
        fake_files copy = files;
        BOOST_TEST_REQUIRE(check_restarts(copy, known, random, (call + restart) % 2 == 1) == "");
      }
    }
}

BOOST_AUTO_TEST_CASE(a_failed_sync_poisons_and_is_never_tried_again) {
  fake_files files;
  tp::file_log log("log", options_for(files));
  log.open();
  files.fail(2, EIO); // the first call is the write
  const auto failed = force(log, record(1));
  BOOST_TEST((failed.failure() == tp::log_failure::ambiguous));
  BOOST_TEST((failed.code() == std::errc::io_error));
  BOOST_TEST(failed.reason().find("0000000001.rondolog") != std::string::npos);
  BOOST_TEST((log.health() == tp::log_health::poisoned));
  const std::size_t writes = files.writes();
  const std::size_t syncs = files.syncs();
  const auto later = force(log, record(2));
  BOOST_TEST((later.failure() == tp::log_failure::definite));
  BOOST_TEST((later.code() == tp::log_errc::poisoned));
  BOOST_TEST((compact(log, {}).code() == tp::log_errc::poisoned));
  log.append(record(3));
  log.close();
  BOOST_TEST(files.writes() == writes);
  BOOST_TEST(files.syncs() == syncs);
}

BOOST_AUTO_TEST_CASE(a_write_without_room_is_definite_and_the_log_goes_on) {
  for (const int error : {ENOSPC, EFBIG, EDQUOT}) {
    fake_files files;
    tp::file_log log("log", options_for(files));
    log.open();
    files.fail(1, error);
    const auto failed = force(log, record(1));
    BOOST_TEST((failed.failure() == tp::log_failure::definite));
    BOOST_TEST((failed.code() == std::error_code(error, std::system_category())));
    BOOST_TEST(force(log, record(2)).succeeded());
    log.close();
    std::string none;
    BOOST_TEST(numbers_of(read_again(files, none)) == std::vector<std::uint32_t>{2}, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_write_that_began_before_the_room_ended_is_ambiguous) {
  fake_files files;
  tp::file_log log("log", options_for(files));
  log.open();
  files.fail(1, ENOSPC, effect::partial);
  BOOST_TEST((force(log, record(1)).failure() == tp::log_failure::ambiguous));
  BOOST_TEST((log.health() == tp::log_health::poisoned));
}

BOOST_AUTO_TEST_CASE(a_full_disk_shows_before_records_are_refused_and_heals) {
  fake_files files;
  tp::file_log log("log", options_for(files));
  log.open();
  BOOST_TEST((log.health() == tp::log_health::ready));
  files.refuse_new_files(ENOSPC);
  std::uint32_t written = 0;
  // Once the spare segment is in use no other can be made; until it is full, records are taken.
  while (force(log, record(written, 20'000)).succeeded())
    ++written;
  BOOST_TEST(written == 6U);
  BOOST_TEST((log.health() == tp::log_health::cannot_grow));
  const auto refused = force(log, record(100, 20'000));
  BOOST_TEST((refused.failure() == tp::log_failure::definite));
  BOOST_TEST((refused.code() == std::errc::no_space_on_device));
  files.refuse_new_files(0);
  while (log.health() != tp::log_health::ready)
    std::this_thread::sleep_for(std::chrono::milliseconds(10)); // it tries again every second
  BOOST_TEST(force(log, record(written, 20'000)).succeeded());
  log.close();
  std::string none;
  BOOST_TEST(read_again(files, none).size() == written + 1);
}
