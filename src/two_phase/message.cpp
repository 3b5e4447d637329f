// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/message.hpp>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

std::string_view to_string(message_kind kind) noexcept {
  switch (kind) {
  case message_kind::prepare:
    return "prepare";
  case message_kind::vote:
    return "vote";
  case message_kind::commit:
    return "commit";
  case message_kind::rollback:
    return "rollback";
  case message_kind::ack:
    return "ack";
  case message_kind::inquire:
    return "inquire";
  case message_kind::outcome:
    return "outcome";
  case message_kind::commit_one_phase:
    return "commit_one_phase";
  case message_kind::done:
    return "done";
  case message_kind::forget:
    return "forget";
  }
  return {};
}

} // namespace two_phase
RONDO_END_NAMESPACE
