// What several tests need: traces of an order of events, and the message of a cancellation.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/errors.hpp>

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

namespace support {

using trace = std::vector<std::string>;

/// The message of the `cancelled_error` in a `settled<T>`, or a text that no test expects.
template <class Settled>
std::string message_of(const Settled& s) {
  const auto* e = s.template error_as<rondo::cancelled_error>();
  return e ? e->message() : "<no cancelled_error>";
}

} // namespace support

/// Compares a trace with the expected words, in order.
#define CHECK_TRACE(actual, ...)                                                                                       \
  do {                                                                                                                 \
    const support::trace expected_words{__VA_ARGS__};                                                                  \
    const auto& actual_words = actual;                                                                                 \
    BOOST_CHECK_EQUAL_COLLECTIONS(actual_words.begin(), actual_words.end(), expected_words.begin(),                    \
                                  expected_words.end());                                                               \
  } while (false)
