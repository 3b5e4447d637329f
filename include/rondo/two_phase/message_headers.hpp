// message_headers: messages as a message broker carries them, a table of headers and a body.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/two_phase/message.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// The headers of a message, as text. Brokers whose headers have types give them as text.
using message_headers = std::map<std::string, std::string>;

/// The text of the header `__type__`, such as "PREPARE".
RONDO_EXPORT std::string_view type_header(message_kind kind) noexcept;

/// A message for a broker.
class RONDO_EXPORT headed_message {
public:
  headed_message(message_headers headers, std::vector<std::byte> body)
      : headers_(std::move(headers)), body_(std::move(body)) {}

  const message_headers& headers() const noexcept { return headers_; }
  const std::vector<std::byte>& body() const noexcept { return body_; }

  friend bool operator==(const headed_message&, const headed_message&) = default;

private:
  message_headers headers_;
  std::vector<std::byte> body_;
};

/// Writes a message as headers and a body.
///
///     header               in                     value
///     __type__             all                    PREPARE, VOTE, COMMIT, ROLLBACK, ACK, INQUIRE, OUTCOME, COMMIT_1P,
///                                                 DONE, FORGET
///     __branch__           all                    `branch_id::to_gid`
///     __log__              all                    `message::from`: `log_uuid::to_string`
///     __sender__           all                    the name of the queue for answers
///     __low_water__        all, if there is one   "<epoch>_<seq>", in hexadecimal digits
///     __vote__             VOTE                   YES, NO, READ_ONLY
///     __ack__              ACK                    COMMITTED, ROLLED_BACK, HEURISTIC_DAMAGE, HEURISTIC_HAZARD
///     __outcome__          OUTCOME                COMMIT, ABORT, PENDING, NOT_MINE
///     __decision__         DONE                   COMMITTED, ABORTED
///     __prepared_under__   COMMIT, and OUTCOME    as __log__
///                          if that is COMMIT
///
/// The body is the payload of PREPARE and COMMIT_1P, the reason of VOTE and DONE, and empty in others.
RONDO_EXPORT headed_message to_headers(const message& what);

/// The inverse of `to_headers`, or nothing for what it cannot have made, whatever it is; `why` says what is wrong with
/// it.
///
/// Headers with other names are ignored, since brokers add their own; texts are taken exactly, capitals included.
RONDO_EXPORT std::optional<message> from_headers(const message_headers& headers, std::span<const std::byte> body,
                                                 std::string& why);

} // namespace two_phase
RONDO_END_NAMESPACE
