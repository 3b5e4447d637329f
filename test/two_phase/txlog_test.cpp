// rondo-txlog, run as an administrator runs it: what it prints, its exit status, and that it changes nothing.
// SPDX-License-Identifier: BSL-1.0
#include "log/segment.hpp"
#include "log_support.hpp"

#include <boost/test/unit_test.hpp>
#include <fmt/format.h>

#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

using namespace log_test;

namespace {

struct run_result {
  int status;
  std::string out;
  std::string error;
};

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

run_result txlog(const std::string& arguments) {
  const temporary_directory here;
  const std::string command =
      fmt::format("'{}' {} > {}/out 2> {}/error", RONDO_TXLOG, arguments, here.path(), here.path());
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(here.path() + "/out"), content(here.path() + "/error")};
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

tp::file_log_options small() { return tp::file_log_options().segment_size(small_segment); }

std::string segment_path(const std::string& directory, int number) {
  return fmt::format("{}/{:010}.rondolog", directory, number);
}

/// A log whose records are forced one by one; they are made when its identity is known.
template <class Make>
tp::log_uuid write_log(const std::string& directory, Make make) {
  tp::file_log log(directory, small());
  const auto id = log.open().id();
  for (const tp::log_record& each : make(id))
    if (!force(log, each).succeeded()) throw std::runtime_error("the log was not written");
  return id;
}

using entries = std::vector<tp::log_record>;

tp::log_uuid write_coordinator(const std::string& directory, bool ended = false) {
  return write_log(directory, [ended](const tp::log_uuid& id) {
    const tp::txid first(id, 5, 1);
    const tp::txid second(id, 6, 2);
    const std::vector<tp::yes_branch> voters = {{0, tp::participant_name("stock"), id},
                                                {1, tp::participant_name("pay"), id}};
    using type = tp::record_type;
    entries all = {tp::log_entry(type::epoch, tp::txid(id, 5, 0)).encode(),
                   tp::log_entry(type::commit, first).yes_branches(voters).encode(),
                   tp::log_entry(type::end, first).encode(), tp::log_entry(type::epoch, tp::txid(id, 6, 0)).encode(),
                   tp::log_entry(type::commit, second).yes_branches(voters).encode()};
    if (ended) all.push_back(tp::log_entry(type::end, second).encode());
    return all;
  });
}

tp::log_uuid write_participant(const std::string& directory) {
  return write_log(directory, [](const tp::log_uuid&) {
    const tp::log_uuid coordinator = tp::log_uuid::random();
    using type = tp::record_type;
    entries all;
    for (std::uint32_t i = 0; i < 4; ++i)
      all.push_back(tp::log_entry(type::prepared, tp::branch_id(tp::txid(coordinator, 1, i), i))
                        .coordinator(tp::participant_name("orders"))
                        .encode());
    all.push_back(tp::log_entry(type::committed, tp::branch_id(tp::txid(coordinator, 1, 0), 0)).encode());
    all.push_back(tp::log_entry(type::heuristic, tp::branch_id(tp::txid(coordinator, 1, 1), 1))
                      .resolved(tp::decision::aborted)
                      .who("anna")
                      .encode());
    return all;
  });
}

/// Changes a byte in the body of a record of the first segment.
std::size_t damage_record(const std::string& directory, const entries& before) {
  const std::size_t offset = tp::detail::records_begin + tp::detail::batch_size(before);
  std::fstream file(segment_path(directory, 1), std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset + 30));
  const char changed = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(offset + 30));
  file.put(changed);
  return offset;
}

tp::log_contents contents_of(const std::string& directory) { return tp::file_log(directory, small()).open(); }

} // namespace

BOOST_AUTO_TEST_CASE(usage_and_help) {
  const auto wrong = [](const std::string& arguments, const std::string& message) {
    const auto result = txlog(arguments);
    BOOST_TEST(result.status == 2);
    BOOST_TEST(has(result.error, message));
    BOOST_TEST(has(result.error, "usage: rondo-txlog"));
  };
  wrong("", "a command is missing");
  wrong("chek a", "there is no command 'chek'");
  wrong("check", "check takes one directory, not 0");
  wrong("check a b", "check takes one directory, not 2");
  wrong("salvage a --yes", "salvage takes two directories, not 1");
  wrong("check --frobnicate", "check has no option '--frobnicate'");
  wrong("print --yes x", "print has no option '--yes'");
  const auto help = txlog("--help");
  BOOST_TEST(help.status == 0);
  BOOST_TEST(has(help.out, "salvage SOURCE TARGET"));
  BOOST_TEST(has(txlog("--version").out, "rondo-txlog "));
}

BOOST_AUTO_TEST_CASE(what_is_no_log_is_refused_by_name) {
  const temporary_directory directory;
  const auto missing = txlog("check " + directory.path() + "/none");
  BOOST_TEST(missing.status == 3);
  BOOST_TEST(has(missing.error, "/none is missing"));
  for (const auto* command : {"check ", "print ", "in-doubt "}) {
    const auto empty = txlog(command + directory.path());
    BOOST_TEST(empty.status == 3);
    BOOST_TEST(has(empty.error, "there is no decision log in " + directory.path()));
  }
  const temporary_directory target;
  BOOST_TEST(txlog(fmt::format("salvage {} {} --yes", directory.path(), target.path())).status == 3);
  BOOST_TEST(std::filesystem::is_empty(directory.path()));
  std::ofstream(segment_path(directory.path(), 1)) << std::string(5000, 'x');
  const auto foreign = txlog("check " + directory.path());
  BOOST_TEST(foreign.status == 3);
  BOOST_TEST(has(foreign.error, "not a segment"));
}

BOOST_AUTO_TEST_CASE(a_log_of_a_newer_version_is_refused) {
  const temporary_directory directory;
  write_coordinator(directory.path());
  const std::string bytes = content(segment_path(directory.path(), 1));
  tp::detail::header_fault fault{};
  auto header = tp::detail::decode_header(std::as_bytes(std::span(bytes)), fault).value();
  header.version = 9;
  const auto encoded = tp::detail::encode_header(header);
  std::fstream(segment_path(directory.path(), 1), std::ios::in | std::ios::out | std::ios::binary)
      .write(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  const auto newer = txlog("print " + directory.path());
  BOOST_TEST(newer.status == 3);
  BOOST_TEST(has(newer.error, "newer version"));
}

BOOST_AUTO_TEST_CASE(print_and_check_show_a_whole_log_and_leave_it_alone) {
  const temporary_directory directory;
  const auto id = write_coordinator(directory.path());
  const std::string before = content(segment_path(directory.path(), 1));
  const auto printed = txlog("print " + directory.path());
  BOOST_TEST(printed.status == 0);
  BOOST_TEST(printed.error == "");
  BOOST_TEST(has(printed.out, fmt::format("commit    {}_5_1: branch 0 at stock", id.to_string())));
  BOOST_TEST(has(printed.out, fmt::format("end       {}_5_1\n", id.to_string())));
  const auto checked = txlog("check " + directory.path());
  BOOST_TEST(checked.status == 0);
  BOOST_TEST(has(checked.out, fmt::format("log {}: 5 records in 1 segments\n", id.to_string())));
  BOOST_TEST(has(checked.out, "the log is whole"));
  BOOST_TEST(content(segment_path(directory.path(), 1)) == before);
}

BOOST_AUTO_TEST_CASE(in_doubt_tells_what_is_open) {
  const temporary_directory coordinator;
  const auto id = write_coordinator(coordinator.path());
  const auto open = txlog("in-doubt " + coordinator.path());
  BOOST_TEST(open.status == 4);
  BOOST_TEST(has(open.out, fmt::format("committing {}_6_2\n", id.to_string())));
  BOOST_TEST(has(open.out, "branch 1 at pay"));
  BOOST_TEST(!has(open.out, "_5_1"));

  const temporary_directory participant;
  write_participant(participant.path());
  const auto waiting = txlog("in-doubt " + participant.path());
  BOOST_TEST(waiting.status == 4);
  BOOST_TEST(has(waiting.out, "branch 2: waits for orders"));
  BOOST_TEST(has(waiting.out, "branch 3: waits for orders"));
  BOOST_TEST(!has(waiting.out, "branch 0"));
  BOOST_TEST(has(waiting.out, "branch 1: aborted by anna"));

  const temporary_directory finished;
  write_coordinator(finished.path(), true);
  const auto none = txlog("in-doubt " + finished.path());
  BOOST_TEST(none.status == 0);
  BOOST_TEST(none.out == "");
}

BOOST_AUTO_TEST_CASE(a_torn_tail_is_reported_and_is_no_damage) {
  const temporary_directory directory;
  write_coordinator(directory.path());
  std::fstream file(segment_path(directory.path(), 1), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(20'000);
  file << "half a record";
  file.close();
  const auto torn = txlog("check " + directory.path());
  BOOST_TEST(torn.status == 0);
  BOOST_TEST(has(torn.error, "a torn tail of"));
  BOOST_TEST(has(content(segment_path(directory.path(), 1)), "half a record"));
}

BOOST_AUTO_TEST_CASE(a_damaged_coordinator_log_is_salvaged_under_its_identity_with_a_later_epoch) {
  const temporary_directory source;
  const temporary_directory target;
  const auto id = write_coordinator(source.path());
  const entries all = contents_of(source.path()).records();
  const entries kept(all.begin(), all.begin() + 2);
  const std::size_t offset = damage_record(source.path(), kept);
  const std::string before = content(segment_path(source.path(), 1));

  const auto checked = txlog("check " + source.path());
  BOOST_TEST(checked.status == 1);
  BOOST_TEST(has(checked.error, fmt::format("DAMAGED: {}, offset {}", segment_path(source.path(), 1), offset)));
  const auto printed = txlog("print " + source.path());
  BOOST_TEST(printed.status == 1);
  BOOST_TEST(has(printed.out, "_5_1"));
  BOOST_TEST(!has(printed.out, "_6_2"));
  BOOST_TEST(txlog("in-doubt " + source.path()).status == 1);

  const auto planned = txlog(fmt::format("salvage {} {}", source.path(), target.path()));
  BOOST_TEST(planned.status == 0);
  BOOST_TEST(has(planned.out, "2 records stand before the damage"));
  BOOST_TEST(has(planned.out, "2 can be read behind it, and are NOT copied"));
  BOOST_TEST(has(planned.out, fmt::format("commit    {}_6_2", id.to_string())));
  BOOST_TEST(has(planned.out, "nothing was written"));
  BOOST_TEST(std::filesystem::is_empty(target.path()));

  BOOST_TEST(txlog(fmt::format("salvage {} {} --yes", source.path(), target.path())).status == 0);
  BOOST_TEST(content(segment_path(source.path(), 1)) == before);
  const auto saved = contents_of(target.path());
  BOOST_TEST((saved.id() == id));
  BOOST_TEST_REQUIRE(saved.records().size() == 3);
  BOOST_TEST(std::equal(kept.begin(), kept.end(), saved.records().begin()));
  const auto last = tp::log_entry::decode(saved.records().back());
  BOOST_TEST_REQUIRE(last.has_value());
  BOOST_TEST((last->type() == tp::record_type::epoch));
  BOOST_TEST(last->transaction().epoch() > 6); // which could be read behind the damage
}

BOOST_AUTO_TEST_CASE(a_damaged_participant_log_is_salvaged_under_a_new_identity) {
  const temporary_directory source;
  const temporary_directory target;
  const auto id = write_participant(source.path());
  const entries all = contents_of(source.path()).records();
  const entries kept(all.begin(), all.begin() + 3);
  damage_record(source.path(), kept);
  const auto done = txlog(fmt::format("salvage {} {} --yes", source.path(), target.path()));
  BOOST_TEST(done.status == 0);
  BOOST_TEST(has(done.out, "heuristic hazard"));
  const auto saved = contents_of(target.path());
  BOOST_TEST((saved.id() != id));
  BOOST_TEST((saved.records() == kept));
}

BOOST_AUTO_TEST_CASE(a_damaged_header_costs_no_segment_before_it) {
  const temporary_directory source;
  const temporary_directory target;
  {
    tp::file_log log(source.path(), small());
    log.open();
    for (std::uint32_t i = 0; i < 30; ++i)
      BOOST_TEST_REQUIRE(force(log, record(i, 5000)).succeeded());
  }
  std::fstream(segment_path(source.path(), 2), std::ios::in | std::ios::out | std::ios::binary).seekp(20) << "#";
  const auto checked = txlog("check " + source.path());
  BOOST_TEST(checked.status == 1);
  BOOST_TEST(has(checked.out, ": 12 records in 1 segments"));
  BOOST_TEST(has(checked.error, "0000000002.rondolog, offset 0"));
  BOOST_TEST(txlog(fmt::format("salvage {} {} --yes", source.path(), target.path())).status == 0);
  const auto saved = numbers_of(contents_of(target.path()).records());
  BOOST_TEST_REQUIRE(saved.size() >= 12U);
  for (std::uint32_t i = 0; i < 12; ++i)
    BOOST_TEST(saved[i] == i);
}

BOOST_AUTO_TEST_CASE(a_whole_log_and_a_target_in_use_by_others_are_left_alone) {
  const temporary_directory source;
  const temporary_directory target;
  write_coordinator(source.path());
  const auto whole = txlog(fmt::format("salvage {} {} --yes", source.path(), target.path()));
  BOOST_TEST(whole.status == 0);
  BOOST_TEST(has(whole.out, "nothing to salvage"));
  BOOST_TEST(std::filesystem::is_empty(target.path()));
  damage_record(source.path(), {contents_of(source.path()).records().front()});
  BOOST_TEST(txlog(fmt::format("salvage {} {} --yes", source.path(), source.path())).status == 3);
  BOOST_TEST(txlog(fmt::format("salvage {} {}/none --yes", source.path(), target.path())).status == 3);
  std::ofstream(target.path() + "/letter.txt") << "dear";
  const auto foreign = txlog(fmt::format("salvage {} {} --yes", source.path(), target.path()));
  BOOST_TEST(foreign.status == 3);
  BOOST_TEST(has(foreign.error, "letter.txt"));
  BOOST_TEST(!std::filesystem::exists(target.path() + "/lock"));
}

BOOST_AUTO_TEST_CASE(a_log_in_use_is_read_and_not_salvaged) {
  const temporary_directory directory;
  const temporary_directory target;
  tp::file_log log(directory.path(), small());
  log.open();
  // It is written, and compacted, all the time: no reader may take that for damage.
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::uint32_t i = 0; !stop; ++i) {
      if (!force(log, record(i, 3000)).succeeded()) std::abort();
      if (i % 50 == 49 && !compact(log, {}).succeeded()) std::abort();
    }
  });
  for (int i = 0; i < 10; ++i) {
    const auto checked = txlog("check " + directory.path());
    BOOST_TEST(checked.status == 0, checked.error);
    BOOST_TEST(has(checked.out, "; in use"));
  }
  const auto refused = txlog(fmt::format("salvage {} {} --yes", directory.path(), target.path()));
  BOOST_TEST(refused.status == 3);
  BOOST_TEST(has(refused.error, "is in use"));
  stop = true;
  writer.join();
  BOOST_TEST(force(log, record(1)).succeeded());
}
