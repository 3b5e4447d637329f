// What each fuzzer tells write_seeds.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <vector>

/// The inputs that a fuzzer starts from.
std::vector<std::vector<std::byte>> fuzzer_seeds();
