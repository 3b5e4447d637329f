// A future owns its value.
// SPDX-License-Identifier: BSL-1.0
// expect: future<T&> is not supported
#include <rondo/future.hpp>

#ifdef RONDO_CONTROL
rondo::future<int*> x;
#else
rondo::future<int&> x;
#endif
