// The arguments must fit.
// SPDX-License-Identifier: BSL-1.0
// expect: to_thread: the function cannot be called with these arguments
#include <rondo/threads.hpp>

#include <string>

void f() {
#ifdef RONDO_CONTROL
  (void)rondo::to_thread([](int y) { return y; }, 1);
#else
  (void)rondo::to_thread([](int y) { return y; }, std::string("1"));
#endif
}
