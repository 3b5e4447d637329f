// Asio's templates that every coroutine needs, compiled once in the library: a third of what a small file costs.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>

// A shared library hides them, and each program has its own as usual.
#if !defined(RONDO_SHARED)

namespace boost::asio {

extern template class detail::awaitable_thread<any_io_executor>;
extern template class detail::awaitable_frame<void, any_io_executor>;
extern template class awaitable<void, any_io_executor>;

} // namespace boost::asio

#endif
