// The decoder of messages under libFuzzer.
// SPDX-License-Identifier: BSL-1.0
#include "message_checks.hpp"
#include "seeds.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

std::vector<std::vector<std::byte>> fuzzer_seeds() {
  std::vector<std::vector<std::byte>> seeds;
  for (const auto& each : message_test::one_of_each())
    seeds.push_back(rondo::two_phase::encode_message(each));
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string wrong = message_test::check_message(std::as_bytes(std::span(data, size)));
  if (wrong.empty()) return 0;
  std::fprintf(stderr, "%s\n", wrong.c_str());
  std::abort();
}
