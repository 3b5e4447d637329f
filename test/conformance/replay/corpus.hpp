// The golden corpus: programs with the traces that asyncio gave.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>

namespace conformance {

/// Throws `std::runtime_error` that names the file.
std::string read_file(const std::string& path);

/// Replays `DIR/scenarios/*.json` and `DIR/corpus/programs.jsonl`, prints what differs, and gives the exit status.
int replay_corpus(const std::string& folder);

} // namespace conformance
