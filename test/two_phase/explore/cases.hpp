// What is explored: cases with their limits and what must occur in them, and the faults that must be found.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "network.hpp"

#include <functional>

namespace explore {

struct named_case {
  const char* name;
  const char* what;
  settings options;
  bool completion; // whether completion must be reachable from every state; takes 8 bytes for each edge
  bool slow;       // more than a few seconds
};

const std::vector<named_case>& all_cases();
/// Null if there is none of that name.
const named_case* find_case(const std::string& name);

/// One line with what was found, and the events that lead to a violation.
void print(const std::string& name, const report& result);

/// Whether Lamport's specifications have as many states as TLC found.
bool oracles();

/// Explores a case in a process of its own, so that its memory is its own, and prints the result. Whether it is as it
/// must be: no violation, nothing stuck, and everything that can happen there has happened. One that a limit ends is
/// good.
bool run_case(const named_case& each, const limits& bounds);

/// Whether every mutant is killed. Prints each, and writes a table in Markdown to `table` if that is not empty.
bool run_mutants(const limits& bounds, const std::string& table);

/// Runs the function in a process of its own. Nothing if that ended otherwise than by returning true or false.
std::optional<bool> in_child(const std::function<bool()>& function);

} // namespace explore
