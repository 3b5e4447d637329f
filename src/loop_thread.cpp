// SPDX-License-Identifier: BSL-1.0
#include <rondo/loop_thread.hpp>

#include "diagnostics.hpp"

#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

RONDO_BEGIN_NAMESPACE

struct loop_thread::impl {
  explicit impl(run_options options) {
    std::promise<event_loop> started;
    std::future<event_loop> running = started.get_future();
    thread =
        std::thread([this, &started, options = std::move(options)]() mutable { serve(started, std::move(options)); });
    try {
      loop.emplace(running.get());
    } catch (...) {
      thread.join();
      throw;
    }
  }

  void serve(std::promise<event_loop>& started, run_options options) {
    bool told = false;
    try {
      // Signals are the main thread's.
      runner r(std::move(options).handle_sigint(false));
      stopped = r.loop().create_future<void>();
      r.loop().call_soon([&] {
        told = true;
        started.set_value(r.loop());
      });
      r.loop().run_until_complete(stopped);
    } catch (...) {
      if (!told) return started.set_exception(std::current_exception());
      detail::log("exception out of a loop_thread\n  exception: " +
                  detail::describe_exception(std::current_exception()));
    }
    stopped = {};
  }

  void stop() {
    if (!thread.joinable()) return;
    if (thread.get_id() == std::this_thread::get_id())
      throw std::runtime_error("loop_thread::stop cannot be called on the loop's own thread: it would wait for itself");
    try {
      loop->call_soon_threadsafe([this] {
        if (!stopped.done()) stopped.set_result();
      });
    } catch (const std::runtime_error&) { // it has ended by itself
    }
    thread.join();
  }

  future<void> stopped; // of the thread's loop
  std::optional<event_loop> loop;
  std::thread thread;
};

loop_thread::loop_thread(run_options options) : impl_(std::make_unique<impl>(std::move(options))) {}
loop_thread::~loop_thread() { impl_->stop(); }
event_loop loop_thread::loop() const { return *impl_->loop; }
void loop_thread::stop() { impl_->stop(); }

RONDO_END_NAMESPACE
