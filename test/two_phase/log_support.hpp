// What the tests of the decision log share: records to recognize, and logs that are waited for.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/file_log.hpp>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace log_test {

namespace tp = rondo::two_phase;

inline constexpr std::size_t small_segment = 64 * 1024;

/// A record that tells its number; `size` bytes long.
inline tp::log_record record(std::uint32_t number, std::size_t size = 16) {
  std::vector<std::byte> body(size, static_cast<std::byte>(0xA0 + number % 32));
  for (std::size_t i = 0; i < 4 && i < size; ++i)
    body[i] = static_cast<std::byte>(number >> (8 * i));
  return {tp::record_type::commit, std::move(body)};
}

inline std::uint32_t number_of(const tp::log_record& record) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4 && i < record.body().size(); ++i)
    number |= std::to_integer<std::uint32_t>(record.body()[i]) << (8 * i);
  return number;
}

inline std::vector<std::uint32_t> numbers_of(const std::vector<tp::log_record>& records) {
  std::vector<std::uint32_t> numbers;
  for (const tp::log_record& each : records)
    numbers.push_back(number_of(each));
  return numbers;
}

inline tp::log_result force(tp::decision_log& log, std::span<const tp::log_record> records) {
  std::promise<tp::log_result> done;
  log.force(records, [&done](const tp::log_result& result) { done.set_value(result); });
  return done.get_future().get();
}

inline tp::log_result force(tp::decision_log& log, const tp::log_record& one) { return force(log, {&one, 1}); }

inline tp::log_result compact(tp::decision_log& log, std::span<const tp::log_record> live) {
  std::promise<tp::log_result> done;
  log.compact(live, [&done](const tp::log_result& result) { done.set_value(result); });
  return done.get_future().get();
}

/// A directory of the file system that goes with the object.
class temporary_directory {
public:
  temporary_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rondo-log-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace log_test
