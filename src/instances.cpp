// SPDX-License-Identifier: BSL-1.0
#include <rondo/detail/instances.hpp>
#include <rondo/detail/task_state.hpp>
#include <rondo/sleep.hpp>

#if !defined(RONDO_SHARED)

namespace boost::asio {

template class detail::awaitable_thread<any_io_executor>;
template class detail::awaitable_frame<void, any_io_executor>;
template class awaitable<void, any_io_executor>;

} // namespace boost::asio

RONDO_BEGIN_NAMESPACE
namespace detail {

template class wait_op<void, sleep_op<void, no_value>>;
template class sleep_op<void, no_value>;
template class wait_op<void, get_op<void>>;
template class get_op<void>;
template class task_state<void, awaitable<void>>;

} // namespace detail
RONDO_END_NAMESPACE

#endif
