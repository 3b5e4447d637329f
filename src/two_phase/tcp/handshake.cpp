// SPDX-License-Identifier: BSL-1.0
#include "handshake.hpp"

#include "../bytes.hpp"

#include <fmt/format.h>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {
namespace {

constexpr std::uint16_t protocol_version = 1;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// They differ, so that a socket that is connected to itself does not answer itself.
std::string_view magic_of(tcp_role sender) { return sender == tcp_role::client ? "rondo2pC" : "rondo2pS"; }

void write_prelude(byte_writer& writer, tcp_role sender) {
  writer.raw(bytes_of(magic_of(sender))).number(protocol_version);
}

digest read_digest(byte_reader& reader) {
  digest result{};
  std::ranges::copy(reader.raw(result.size()), result.begin());
  return result;
}

std::string read_text(byte_reader& reader, std::size_t size) {
  const auto bytes = reader.raw(size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

std::string_view explain(verdict value) noexcept {
  switch (value) {
  case verdict::welcome:
    return "welcome";
  case verdict::other_name:
    return "the service there has another name; is its address right?";
  case verdict::other_version:
    return "the service there does not know this version of the protocol; use the same version of rondo on both sides";
  case verdict::own_name:
    return "the service there has the name of this one; is its address right?";
  }
  return "the service there gave a reason that this version does not know";
}

digest handshake::labelled(mac& key, std::string_view label) const {
  byte_writer writer;
  writer.number(protocol_version).sized(bytes_of(label)).raw(client_nonce_).raw(server_nonce_);
  writer.text(client_).text(server_);
  return key.of(writer.take());
}

digest handshake::proof(mac& key, tcp_role of) const {
  return labelled(key, of == tcp_role::client ? "rondo two-phase tcp: client's proof"
                                              : "rondo two-phase tcp: server's proof");
}

digest handshake::session_key(mac& key, tcp_role sender) const {
  return labelled(key, sender == tcp_role::client ? "rondo two-phase tcp: client to server"
                                                  : "rondo two-phase tcp: server to client");
}

std::vector<std::byte> encode_hello(const handshake& what) {
  byte_writer writer;
  write_prelude(writer, tcp_role::client);
  writer.raw(what.client_nonce());
  writer.number(static_cast<std::uint8_t>(what.client().size()));
  writer.number(static_cast<std::uint8_t>(what.server().size()));
  writer.raw(bytes_of(what.client())).raw(bytes_of(what.server()));
  return writer.take();
}

std::vector<std::byte> encode_answer(verdict value, const digest& nonce, const digest& own_proof) {
  byte_writer writer;
  write_prelude(writer, tcp_role::server);
  writer.one_of(value);
  if (value == verdict::welcome) writer.raw(nonce).raw(own_proof);
  return writer.take();
}

std::string check_prelude(std::span<const std::byte> prelude, tcp_role sender, std::optional<std::uint16_t>& version) {
  byte_reader reader(prelude);
  const bool known = std::ranges::equal(reader.raw(8), bytes_of(magic_of(sender)));
  const auto its_version = reader.number<std::uint16_t>();
  version.reset();
  if (!known || reader.failed()) return "it does not speak the protocol of rondo's TCP transport";
  if (its_version == protocol_version) return {};
  version = its_version;
  return fmt::format("it speaks version {} of the protocol, and this program version {}; use the same version of rondo "
                     "on both sides",
                     its_version, protocol_version);
}

std::size_t names_size(std::span<const std::byte> hello_head) noexcept {
  return std::to_integer<std::size_t>(hello_head[hello_head_size - 2]) +
         std::to_integer<std::size_t>(hello_head[hello_head_size - 1]);
}

std::optional<handshake> decode_hello(std::span<const std::byte> hello, std::string& why) {
  std::optional<std::uint16_t> version;
  why = check_prelude(hello.first(std::min(hello.size(), prelude_size)), tcp_role::client, version);
  if (!why.empty()) return std::nullopt;
  byte_reader reader(hello.subspan(prelude_size));
  const auto nonce = read_digest(reader);
  const std::size_t client_size = reader.number<std::uint8_t>();
  const std::size_t server_size = reader.number<std::uint8_t>();
  auto client = read_text(reader, client_size);
  auto server = read_text(reader, server_size);
  if (!reader.complete() || client.empty()) {
    why = "its hello is damaged";
    return std::nullopt;
  }
  return handshake(std::move(client), std::move(server), nonce);
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
