// Boost.JSON, compiled once: its headers are enough, so no further package is needed.
// SPDX-License-Identifier: BSL-1.0
#include <boost/json/src.hpp>
