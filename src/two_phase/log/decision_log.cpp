// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/decision_log.hpp>

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

class log_category_type final : public std::error_category {
public:
  const char* name() const noexcept override { return "rondo.two_phase.log"; }

  std::string message(int code) const override {
    switch (static_cast<log_errc>(code)) {
    case log_errc::poisoned:
      return "the log is poisoned by an earlier failure";
    case log_errc::corrupt:
      return "the log is damaged";
    case log_errc::missing:
      return "the log is missing";
    case log_errc::foreign:
      return "the directory holds something else than one log";
    case log_errc::newer_version:
      return "the log was written by a newer version";
    case log_errc::locked:
      return "the log is in use";
    }
    return fmt::format("unknown error {}", code);
  }
};

} // namespace

const std::error_category& log_category() noexcept {
  static const log_category_type category;
  return category;
}

std::error_code make_error_code(log_errc code) noexcept { return {static_cast<int>(code), log_category()}; }

log_error::log_error(std::error_code code, std::string reason) : std::system_error(code), reason_(std::move(reason)) {}
log_error::~log_error() = default;

log_corrupt::log_corrupt(std::string file, std::uint64_t offset, const std::string& reason)
    : log_error(log_errc::corrupt, fmt::format("{}, offset {}: {}", file, offset, reason)), file_(std::move(file)),
      offset_(offset) {}
log_corrupt::~log_corrupt() = default;

decision_log::~decision_log() = default;

bool decision_log::uses_thread() const noexcept { return true; }

} // namespace two_phase
RONDO_END_NAMESPACE
