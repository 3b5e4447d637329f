// A done callback takes the handle or nothing.
// SPDX-License-Identifier: BSL-1.0
// expect: a done callback takes the future or task that is done, or nothing
#include <rondo/future.hpp>

#include <string>

void f(rondo::future<int> x) {
#ifdef RONDO_CONTROL
  x.add_done_callback([](rondo::future<int>) {});
#else
  x.add_done_callback([](std::string) {});
#endif
}
