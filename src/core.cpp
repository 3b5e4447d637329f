// What templates call: the functions of rondo/detail/core.hpp.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/detail/core.hpp>

#include "loop_core.hpp"

#include <rondo/use_task.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace detail {

void intrusive_ptr_add_ref(const loop_core* core) noexcept { core->add_ref(); }
void intrusive_ptr_release(const loop_core* core) noexcept { core->release(); }

loop_core* running_core_or_null() noexcept { return this_thread().core; }

loop_core& running_core() {
  if (loop_core* core = this_thread().core) return *core;
  throw std::runtime_error("no running event loop");
}

void push_ready(loop_core& core, ready_node& node) noexcept { core.push(node); }
bool push_threadsafe(loop_core& core, ready_node& node) noexcept { return core.push_threadsafe(node); }
boost::asio::any_io_executor executor_of(const loop_core& core) { return core.executor(); }

const boost::asio::any_io_executor& executor_reference(const loop_core& core) noexcept { return core.executor(); }

void run_completed(loop_core& core, ready_node& node) noexcept {
  if (core.closed()) return node.drop();
  running_scope scope(core);
  core.begin_batch();
  core.run_node(node);
}

void check_thread(const loop_core& core, const char* call, const char* remedy) {
  if (!core.debug.load(std::memory_order_relaxed) || !core.wrong_thread()) return;
  throw std::runtime_error(fmt::format("Non-thread-safe operation invoked on an event loop other than the current one: "
                                       "{}; from other threads use {}",
                                       call, remedy));
}

void check_open(const loop_core& core) {
  if (core.closed()) throw std::runtime_error("Event loop is closed");
}

bool at_rest(const loop_core& core) noexcept { return core.closed() || (core.owned() && !core.running()); }

void report(loop_core& core, std::string message, std::exception_ptr error) noexcept {
  core.call_exception_handler({.message = std::move(message), .exception = std::move(error)});
}

} // namespace detail
RONDO_END_NAMESPACE
