// What must hold for the decoders of the decision log, whatever bytes they get.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace log_test {

/// The first byte of an input says what the others are.
enum class decoder_input : unsigned char {
  record,          ///< a record's type and body
  segment,         ///< the file of a segment
  repaired_segment ///< a header and records, whose checksums are made right first: no mutation finds them by chance
};

/// Decodes the input in every way. What does not hold, or an empty text.
std::string check_decoders(std::span<const std::byte> input);

/// Inputs of all kinds, made from a log that was recorded.
std::vector<std::vector<std::byte>> decoder_seeds();

} // namespace log_test
