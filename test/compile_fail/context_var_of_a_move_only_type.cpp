// Contexts are copied.
// SPDX-License-Identifier: BSL-1.0
// expect: context_var<T> needs a copyable T
#include <rondo/context.hpp>

#include <memory>

#ifdef RONDO_CONTROL
rondo::context_var<std::shared_ptr<int>> v("v");
#else
rondo::context_var<std::unique_ptr<int>> v("v");
#endif
