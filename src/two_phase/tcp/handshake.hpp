// How two services prove to each other that they know the key. Knows nothing of sockets.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "mac.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

// The client, which connects, sends a hello: magic, version, its nonce, its own name, and whom it wants to reach.
// The server answers with magic, version, and a verdict; if that is `welcome`, its nonce and its proof follow.
// The client sends its proof. Then both send frames. The proofs and the two session keys are HMACs under the shared key
// of a label that names role or direction, both nonces, and both names: none can stand in for another.

inline constexpr std::size_t max_name_size = 255;
inline constexpr std::size_t prelude_size = 8 + 2;                    // magic, version
inline constexpr std::size_t hello_head_size = prelude_size + 32 + 2; // ..., nonce, sizes of the two names
inline constexpr std::size_t answer_head_size = prelude_size + 1;     // ..., verdict
inline constexpr std::size_t welcome_tail_size = mac_size + mac_size; // nonce, proof

enum class tcp_role : std::uint8_t { client, server };

/// What a server says to a hello.
enum class verdict : std::uint8_t {
  welcome,
  other_name,    ///< the service has another name
  other_version, ///< it does not know this version of the protocol
  own_name,      ///< the client calls itself by the name of the server
};

std::string_view explain(verdict value) noexcept;

/// What both sides know of a handshake.
class handshake {
public:
  handshake(std::string client, std::string server, const digest& client_nonce, const digest& server_nonce = {})
      : client_(std::move(client)), server_(std::move(server)), client_nonce_(client_nonce),
        server_nonce_(server_nonce) {}

  const std::string& client() const noexcept { return client_; }
  const std::string& server() const noexcept { return server_; }
  const digest& client_nonce() const noexcept { return client_nonce_; }
  const digest& server_nonce() const noexcept { return server_nonce_; }
  void server_nonce(const digest& value) noexcept { server_nonce_ = value; }

  /// By which a side proves that it knows the key.
  digest proof(mac& key, tcp_role of) const;
  /// The key for the frames that a side sends.
  digest session_key(mac& key, tcp_role sender) const;

private:
  digest labelled(mac& key, std::string_view label) const;

  std::string client_;
  std::string server_;
  digest client_nonce_;
  digest server_nonce_;
};

std::vector<std::byte> encode_hello(const handshake& what);
/// The answer to a hello; `own_proof` only with `welcome`.
std::vector<std::byte> encode_answer(verdict value, const digest& nonce = {}, const digest& own_proof = {});

/// Looks at the first bytes of what one side sent. What is wrong with them, or an empty text; `version` is set if only
/// that differs.
std::string check_prelude(std::span<const std::byte> prelude, tcp_role sender, std::optional<std::uint16_t>& version);

/// The size of the names behind the head of a hello.
std::size_t names_size(std::span<const std::byte> hello_head) noexcept;

/// A whole hello, or nothing, and what is wrong with it.
std::optional<handshake> decode_hello(std::span<const std::byte> hello, std::string& why);

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
