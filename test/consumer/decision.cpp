// The program of a project that uses the library of two-phase commit alone.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/memory_log.hpp>

#include <cstdio>

int main() {
  rondo::two_phase::memory_log log;
  std::printf("%d\n", log.open().created() && !log.durable() ? 42 : 1);
}
