// SPDX-License-Identifier: BSL-1.0
#include "mac.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <stdexcept>
#include <string>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {
namespace {

[[noreturn]] void throw_broken(const char* what) {
  throw std::runtime_error(std::string("rondo: OpenSSL's ") + what + " does not work; see its configuration");
}

EVP_MAC_CTX* as_context(void* context) noexcept { return static_cast<EVP_MAC_CTX*>(context); }

const unsigned char* as_chars(const std::byte* bytes) noexcept { return reinterpret_cast<const unsigned char*>(bytes); }

} // namespace

void mac::context_free::operator()(void* context) const noexcept { EVP_MAC_CTX_free(as_context(context)); }

mac::mac(std::span<const std::byte> key) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                                    &EVP_MAC_free);
  if (!algorithm) throw_broken("HMAC");
  context_.reset(EVP_MAC_CTX_new(algorithm.get()));
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                                   OSSL_PARAM_construct_end()};
  if (!context_ || EVP_MAC_init(as_context(context_.get()), as_chars(key.data()), key.size(), parameters) != 1)
    throw_broken("HMAC");
}

digest mac::of(std::span<const std::byte> data) {
  digest result;
  std::size_t size = 0;
  EVP_MAC_CTX* const context = as_context(context_.get());
  // Without a key it starts anew with the one that it has, at a third of the cost of a duplicate.
  if (EVP_MAC_init(context, nullptr, 0, nullptr) != 1 ||
      EVP_MAC_update(context, as_chars(data.data()), data.size()) != 1 ||
      EVP_MAC_final(context, reinterpret_cast<unsigned char*>(result.data()), &size, result.size()) != 1 ||
      size != result.size())
    throw_broken("HMAC");
  return result;
}

bool same(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

digest random_bytes() {
  digest result;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(result.data()), static_cast<int>(result.size())) != 1)
    throw_broken("random number generator");
  return result;
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
