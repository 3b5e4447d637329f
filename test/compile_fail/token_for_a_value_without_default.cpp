// With a completion token an exception needs a value.
// SPDX-License-Identifier: BSL-1.0
// expect: T must be default constructible
#include <rondo/async.hpp>

struct no_default {
  explicit no_default(int) {}
};

void f(rondo::future<no_default> x, rondo::future<int> y) {
#ifdef RONDO_CONTROL
  rondo::async_get(y, [](std::exception_ptr, int) {});
  (void)x;
#else
  rondo::async_get(x, [](std::exception_ptr, no_default) {});
  (void)y;
#endif
}
