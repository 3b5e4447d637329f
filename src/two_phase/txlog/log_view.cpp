// SPDX-License-Identifier: BSL-1.0
#include "log_view.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

namespace txlog {
namespace {

using namespace tp::detail;

constexpr int attempts = 10;
constexpr std::chrono::milliseconds between_attempts{100};

located_record locate(const segment_file& file, const frame& each) {
  return {file.path, each.offset, each.lsn, {each.type, {each.body.begin(), each.body.end()}}};
}

std::optional<std::uint64_t> number_of(const std::string& path) {
  return segment_number(std::string_view(path).substr(path.rfind('/') + 1));
}

/// The header of a segment, if it is whole.
std::optional<segment_header> header_of(const std::string& path) {
  try {
    header_fault fault{};
    return decode_header(read_file(tp::log_files::system(), path, header_size), fault);
  } catch (const tp::log_error&) {
    return std::nullopt;
  }
}

void read_behind(const std::string& path, std::size_t from, log_view& view) {
  const auto header = header_of(path);
  if (!header || header->version > segment_version) return;
  const segment_file file{path, *header};
  const auto bytes = read_file(tp::log_files::system(), path);
  for (std::size_t offset = std::max(from, records_begin); offset < bytes.size();) {
    const auto found = read_frame(bytes, offset, *header);
    if (found) view.behind.push_back(locate(file, *found));
    offset += found ? frame_size(found->body.size()) : 8;
  }
}

/// The segments are read once more, from the damage on, for what can still be told from them.
void look_behind_damage(const std::string& directory, std::vector<std::string> names, log_view& view) {
  std::ranges::sort(names, {}, [](const std::string& name) { return segment_number(name).value_or(0); });
  const auto damaged = number_of(view.damage->file());
  for (const std::string& name : names) {
    const auto number = segment_number(name);
    if (!number) continue;
    const std::string path = fmt::format("{}/{}", directory, name);
    if (const auto header = header_of(path); header && !view.id) view.id = header->id;
    if (damaged && *number == *damaged) read_behind(path, static_cast<std::size_t>(view.damage->offset()), view);
    if (damaged && *number > *damaged) read_behind(path, 0, view);
  }
  // A batch that begins before the damage may reach behind it, and the last whole one ends where the damage begins.
  std::erase_if(view.behind, [&](const located_record& each) {
    return !view.records.empty() && each.lsn <= view.records.back().lsn;
  });
}

/// The log without the segments from the one on whose header is damaged: they hide what stands before them.
std::vector<std::string> names_before(const std::vector<std::string>& names, const tp::log_corrupt& damage) {
  std::vector<std::string> before;
  const auto damaged = number_of(damage.file());
  std::ranges::copy_if(names, std::back_inserter(before), [&](const std::string& name) {
    const auto number = segment_number(name);
    return number && damaged && *number < *damaged;
  });
  return before;
}

void read_names(const std::string& directory, std::vector<std::string> names, log_view& view) {
  while (!names.empty()) {
    try {
      const auto image = read_log(tp::log_files::system(), directory, names, [&](const auto& file, const frame& each) {
        view.id = file.header.id;
        view.records.push_back(locate(file, each));
        if (view.segments.empty() || view.segments.back() != file.path) view.segments.push_back(file.path);
      });
      view.id = image.segments.back().header.id;
      view.segments.clear();
      for (const segment_file& each : image.segments)
        view.segments.push_back(each.path);
      if (!view.damage) view.torn = image.torn;
      return;
    } catch (const tp::log_corrupt& damage) {
      if (!view.damage || !view.records.empty()) view.damage = damage;
      if (!view.records.empty()) return;
      names = names_before(names, damage);
    }
  }
}

log_view read_once(const std::string& directory) {
  log_view view;
  const auto all = list_names(tp::log_files::system(), directory);
  std::vector<std::string> names;
  std::ranges::copy_if(all, std::back_inserter(names),
                       [](const auto& name) { return segment_number(name).has_value(); });
  if (names.empty())
    throw tp::log_error(tp::log_errc::missing, fmt::format("there is no decision log in {}", directory));
  read_names(directory, names, view);
  if (view.damage) look_behind_damage(directory, names, view);
  return view;
}

std::string describe_branches(const std::vector<tp::yes_branch>& branches) {
  std::string text;
  for (const tp::yes_branch& each : branches)
    text += fmt::format("{}branch {:x} at {} (log {})", text.empty() ? "" : ", ", each.branch(),
                        each.participant().text(), each.prepared_under().to_string());
  return text;
}

} // namespace

bool is_in_use(const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, lock_name);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  const bool held = ::fcntl(file, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  ::close(file);
  return held;
}

log_view view_log(const std::string& directory) {
  for (int attempt = 1;; ++attempt) {
    const bool in_use = is_in_use(directory);
    try {
      log_view view = read_once(directory);
      view.in_use = in_use || is_in_use(directory);
      if (!view.damage || !view.in_use || attempt == attempts) return view;
    } catch (const tp::log_error& error) {
      // A compaction removes segments, also between their listing and their reading.
      if (error.code() != std::errc::no_such_file_or_directory || attempt == attempts) throw;
    }
    std::this_thread::sleep_for(between_attempts);
  }
}

open_transactions find_open(const std::vector<located_record>& records) {
  open_transactions open;
  for (const located_record& each : records) {
    const auto entry = tp::log_entry::decode(each.record);
    if (!entry) {
      ++open.unreadable;
      continue;
    }
    const tp::branch_id& branch = entry->branch();
    switch (entry->type()) {
    case tp::record_type::commit:
      open.committing[entry->transaction()] = entry->yes_branches();
      break;
    case tp::record_type::end:
      open.committing.erase(entry->transaction());
      break;
    case tp::record_type::prepared:
      open.prepared.insert_or_assign(branch, *entry);
      break;
    case tp::record_type::committed:
    case tp::record_type::aborted:
      open.prepared.erase(branch);
      break;
    case tp::record_type::heuristic:
      if (const auto of = open.committing.find(entry->transaction()); of != open.committing.end()) {
        std::erase_if(of->second, [&](const tp::yes_branch& yes) { return yes.branch() == branch.branch(); });
      } else {
        open.prepared.erase(branch);
        open.resolved.insert_or_assign(branch, *entry);
      }
      break;
    case tp::record_type::forget:
      open.resolved.erase(branch);
      break;
    case tp::record_type::epoch:
    case tp::record_type::abort:
    case tp::record_type::watermark:
      break;
    }
  }
  return open;
}

std::string describe(const tp::log_record& record) {
  const auto entry = tp::log_entry::decode(record);
  if (!entry)
    return fmt::format("type {}, {} bytes: this version cannot read it", static_cast<int>(record.type()),
                       record.body().size());
  const std::string transaction = entry->transaction().to_string();
  const std::string start = fmt::format("{:<9} {}", to_string(entry->type()), transaction);
  switch (entry->type()) {
  case tp::record_type::commit:
    return fmt::format("{}: {}", start, describe_branches(entry->yes_branches()));
  case tp::record_type::prepared:
    return fmt::format("{} branch {:x}: coordinator {}, token of {} bytes", start, entry->branch().branch(),
                       entry->coordinator().text(), entry->token().size());
  case tp::record_type::heuristic:
    return fmt::format("{} branch {:x}: {} by {} at {} s since 1970", start, entry->branch().branch(),
                       to_string(entry->resolved()), entry->who(), entry->when());
  case tp::record_type::committed:
  case tp::record_type::aborted:
  case tp::record_type::forget:
    return fmt::format("{} branch {:x}", start, entry->branch().branch());
  case tp::record_type::epoch:
  case tp::record_type::end:
  case tp::record_type::abort:
  case tp::record_type::watermark:
    break;
  }
  return start;
}

} // namespace txlog
