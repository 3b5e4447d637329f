// HMAC-SHA256.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

inline constexpr std::size_t mac_size = 32;
using digest = std::array<std::byte, mac_size>;

/// Computes HMACs under one key, which is taken in only once. A copy of the key stays in OpenSSL's memory.
class mac {
public:
  explicit mac(std::span<const std::byte> key);

  digest of(std::span<const std::byte> data);

private:
  struct context_free {
    void operator()(void* context) const noexcept;
  };

  std::unique_ptr<void, context_free> context_;
};

/// Whether they are equal, in a time that does not tell where they differ.
bool same(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

/// Random bytes that nobody can foresee.
digest random_bytes();

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
