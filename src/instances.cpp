// SPDX-License-Identifier: BSL-1.0
#include <rondo/detail/instances.hpp>
#include <rondo/detail/task_state.hpp>

#if !defined(RONDO_SHARED)

namespace boost::asio {

template class detail::awaitable_thread<any_io_executor>;
template class detail::awaitable_frame<void, any_io_executor>;
template class awaitable<void, any_io_executor>;

} // namespace boost::asio

RONDO_BEGIN_NAMESPACE
namespace detail {

template class task_state<void, awaitable<void>>;

} // namespace detail
RONDO_END_NAMESPACE

#endif
