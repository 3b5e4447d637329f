// The coroutine type of the library: Asio's own.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

RONDO_BEGIN_NAMESPACE

/// A coroutine, as in `awaitable<int> f() { co_return 1; }`.
///
/// It is lazy, can be awaited once, and runs inside the task that awaits it: the counterpart of Python's coroutine
/// object. Whatever returns `boost::asio::awaitable<T>` works with rondo unchanged.
template <class T = void>
using awaitable = boost::asio::awaitable<T>;

RONDO_END_NAMESPACE
