// The decoders of the decision log under libFuzzer. Without seeds it finds little.
// SPDX-License-Identifier: BSL-1.0
#include "decoder_checks.hpp"
#include "seeds.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

std::vector<std::vector<std::byte>> fuzzer_seeds() { return log_test::decoder_seeds(); }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string wrong = log_test::check_decoders(std::as_bytes(std::span(data, size)));
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "%s\n", wrong.c_str());
  std::abort();
}
