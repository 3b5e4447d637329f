// The decoders of the TCP transport under libFuzzer.
// SPDX-License-Identifier: BSL-1.0
#include "seeds.hpp"
#include "tcp_checks.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

std::vector<std::vector<std::byte>> fuzzer_seeds() { return tcp_test::tcp_seeds(); }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string wrong = tcp_test::check_tcp_decoders(std::as_bytes(std::span(data, size)));
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "%s\n", wrong.c_str());
  std::abort();
}
