// What runner and testing::virtual_runner share.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "loop_core.hpp"

#include <rondo/runner.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>

RONDO_BEGIN_NAMESPACE
namespace detail {

class loop_runner {
public:
  loop_runner(run_options options, bool virtual_time);
  loop_runner(const loop_runner&) = delete;
  loop_runner& operator=(const loop_runner&) = delete;
  ~loop_runner();

  void check_runnable() const;
  void check_open() const;
  void run_main(const any_task& main);
  void close();

  const ref<loop_core>& core() const noexcept { return core_; }
  const context& variables() const noexcept { return variables_; }

private:
  void run_until_done(const any_future& main);
  void run_internal(awaitable<void> body);

  run_options options_;
  context variables_;
  bool closed_ = false;
  std::unique_ptr<boost::asio::io_context> context_;
  ref<loop_core> core_;
};

/// Runs the context of a loop with virtual time until it is stopped; throws testing::deadlock_error.
void run_on_virtual_time(loop_core& core);

} // namespace detail
RONDO_END_NAMESPACE
