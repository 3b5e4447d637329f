// Callables that wait for their turn: call_soon, timers, done callbacks.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/context.hpp>
#include <rondo/detail/core.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// Hook in the list of all callbacks of a loop, which drops them when it ends.
struct registered_hook : list_hook {};

/// A callable in a loop. It is counted: the handle that the user keeps and the place that will run it share it.
class RONDO_EXPORT callback_node : public counted, public ready_node, public registered_hook {
public:
  explicit callback_node(loop_core& core, std::optional<context> c = std::nullopt);

  void run() noexcept final;
  void drop() noexcept final;

  /// Drops the callable at once. On the loop's thread.
  void cancel() noexcept;

  /// The same, from any thread, for callbacks made by `call_soon_threadsafe`.
  void cancel_threadsafe() noexcept { cancelled_.store(true, std::memory_order_release); }

  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  std::string describe() const;

  /// What the callable needs to find alive when it runs: the future that is done. Not before: it would be a circle.
  ref<const counted> subject;
  std::uint32_t timer = no_timer;
  std::uint64_t id = 0;
  bool timed = false;
  std::int64_t deadline = 0;
  std::source_location where;

  static constexpr std::uint32_t no_timer = ~std::uint32_t(0);

protected:
  ~callback_node() override;

  virtual void invoke() = 0;
  virtual void clear() noexcept = 0;

private:
  friend class loop_core;
  void leave() noexcept;

  ref<loop_core> core_;
  context context_;
  std::atomic<bool> cancelled_{false};
};

template <class F>
class callback final : public callback_node {
public:
  template <class G>
  callback(loop_core& core, std::optional<context> c, G&& f)
      : callback_node(core, std::move(c)), function_(std::in_place, std::forward<G>(f)) {}

private:
  void invoke() override {
    // The callable goes before its successors run, and also when it throws.
    F f(std::move(*function_));
    function_.reset();
    (void)std::move(f)();
  }
  void clear() noexcept override { function_.reset(); }

  std::optional<F> function_;
};

} // namespace detail
RONDO_END_NAMESPACE
