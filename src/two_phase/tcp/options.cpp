// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/tcp_transport.hpp>

#include "handshake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

constexpr std::size_t least_frame_size = std::size_t{1} << 10;
constexpr std::size_t greatest_frame_size = std::size_t{1} << 30;

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(fmt::format("rondo: tcp_transport_options::{}", what));
}

} // namespace

tcp_address::tcp_address(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {
  if (host_.empty()) throw std::invalid_argument("rondo: the address of a TCP transport has no host");
}

std::string tcp_address::to_string() const {
  if (host_.find(':') != host_.npos) return fmt::format("[{}]:{}", host_, port_);
  return fmt::format("{}:{}", host_, port_);
}

tcp_transport_options& tcp_transport_options::key(std::vector<std::byte> secret) {
  if (secret.size() < min_key_size)
    throw std::invalid_argument(fmt::format("rondo: tcp_transport_options::key: a key of {} bytes can be guessed; take "
                                            "at least {} random ones, such as 32 bytes of /dev/urandom",
                                            secret.size(), min_key_size));
  key_ = std::move(secret);
  return *this;
}

tcp_transport_options& tcp_transport_options::key(std::string_view secret) {
  const auto bytes = std::as_bytes(std::span(secret));
  return key(std::vector<std::byte>(bytes.begin(), bytes.end()));
}

tcp_transport_options& tcp_transport_options::listen(std::string host, std::uint16_t port) {
  listen_.emplace(std::move(host), port);
  return *this;
}

tcp_transport_options& tcp_transport_options::peer(const participant_name& name, std::string host, std::uint16_t port) {
  require(!name.empty() && name.text().size() <= detail::tcp::max_name_size, "peer: a name has 1 to 255 bytes");
  require(port != 0, "peer: port 0 stands for any free one; name the port on which the peer listens");
  peers_.insert_or_assign(name, tcp_address(std::move(host), port));
  return *this;
}

tcp_transport_options& tcp_transport_options::max_frame_size(std::size_t bytes) {
  require(bytes >= least_frame_size && bytes <= greatest_frame_size, "max_frame_size: from 1 KiB to 1 GiB");
  max_frame_size_ = bytes;
  return *this;
}

tcp_transport_options& tcp_transport_options::reconnect_delay(std::chrono::nanoseconds min,
                                                              std::chrono::nanoseconds max) {
  // Twice the longest must be a time, too.
  require(min.count() > 0 && min <= max && max <= std::chrono::hours(24), "reconnect_delay: 0 < min <= max <= 24 h");
  min_delay_ = min;
  max_delay_ = max;
  return *this;
}

tcp_transport_options& tcp_transport_options::send_queue_limit(std::size_t bytes) {
  send_queue_limit_ = bytes;
  return *this;
}

tcp_transport_options& tcp_transport_options::handshake_timeout(std::chrono::nanoseconds limit) {
  require(limit.count() > 0, "handshake_timeout: it must be positive");
  handshake_timeout_ = limit;
  return *this;
}

tcp_transport_options& tcp_transport_options::keepalive(time_limit silence) {
  require(*silence > clock::duration::zero(), "keepalive: it must be positive, or std::nullopt");
  keepalive_ = silence;
  return *this;
}

} // namespace two_phase
RONDO_END_NAMESPACE
