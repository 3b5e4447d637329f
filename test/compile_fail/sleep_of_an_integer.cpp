// sleep(1) would be taken for seconds, and POSIX has a sleep that blocks.
// SPDX-License-Identifier: BSL-1.0
// expect: deleted
#include <rondo/sleep.hpp>

void f() {
#ifdef RONDO_CONTROL
  (void)rondo::sleep(std::chrono::seconds(1));
#else
  (void)rondo::sleep(1);
#endif
}
