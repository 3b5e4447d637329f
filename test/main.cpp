// The entry point that all tests share, compiled once.
// SPDX-License-Identifier: BSL-1.0
#define BOOST_TEST_MODULE rondo
#include <boost/test/unit_test.hpp>
