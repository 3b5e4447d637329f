// The shared objects of a running program.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "program.hpp"

#include <rondo/barrier.hpp>
#include <rondo/condition.hpp>
#include <rondo/context.hpp>
#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/future.hpp>
#include <rondo/lock.hpp>
#include <rondo/queue.hpp>
#include <rondo/semaphore.hpp>

#include <cstddef>
#include <deque>
#include <utility>
#include <variant>
#include <vector>

namespace conformance {

using value_queue = rondo::queue<value>;
using value_lifo_queue = rondo::lifo_queue<value>;
using value_priority_queue = rondo::priority_queue<value>;

/// The objects of a program, in its order; they stay where they are.
class object_set {
public:
  object_set(const std::vector<object>& objects, rondo::event_loop loop) {
    for (const object& o : objects)
      make(o, loop);
  }

  template <class T>
  T& get(std::size_t index) {
    return std::get<T>(objects_[index]);
  }

  /// Calls f with the lock, semaphore or condition.
  template <class F>
  decltype(auto) with_lock(std::size_t index, F&& f) {
    if (auto* const l = std::get_if<rondo::lock>(&objects_[index])) return f(*l);
    if (auto* const s = std::get_if<rondo::semaphore>(&objects_[index])) return f(*s);
    if (auto* const b = std::get_if<rondo::bounded_semaphore>(&objects_[index])) return f(*b);
    return f(std::get<rondo::condition>(objects_[index]));
  }

  /// Calls f with the queue, of whatever kind.
  template <class F>
  decltype(auto) with_queue(std::size_t index, F&& f) {
    if (auto* const q = std::get_if<value_queue>(&objects_[index])) return f(*q);
    if (auto* const l = std::get_if<value_lifo_queue>(&objects_[index])) return f(*l);
    return f(std::get<value_priority_queue>(objects_[index]));
  }

private:
  void make(const object& o, const rondo::event_loop& loop) {
    switch (o.type) {
    case object_type::event:
      objects_.emplace_back(std::in_place_type<rondo::event>);
      break;
    case object_type::lock:
      objects_.emplace_back(std::in_place_type<rondo::lock>);
      break;
    case object_type::semaphore:
      objects_.emplace_back(std::in_place_type<rondo::semaphore>, o.number);
      break;
    case object_type::bounded_semaphore:
      objects_.emplace_back(std::in_place_type<rondo::bounded_semaphore>, o.number);
      break;
    case object_type::condition:
      if (o.lock)
        objects_.emplace_back(std::in_place_type<rondo::condition>, get<rondo::lock>(*o.lock));
      else
        objects_.emplace_back(std::in_place_type<rondo::condition>);
      break;
    case object_type::barrier:
      objects_.emplace_back(std::in_place_type<rondo::barrier>, o.number);
      break;
    case object_type::queue:
      objects_.emplace_back(std::in_place_type<value_queue>, o.number);
      break;
    case object_type::lifo_queue:
      objects_.emplace_back(std::in_place_type<value_lifo_queue>, o.number);
      break;
    case object_type::priority_queue:
      objects_.emplace_back(std::in_place_type<value_priority_queue>, o.number);
      break;
    case object_type::future:
      objects_.emplace_back(loop.create_future<value>());
      break;
    case object_type::context_var:
      objects_.emplace_back(rondo::context_var<value>(o.name, o.initial));
      break;
    }
  }

  using any_object = std::variant<rondo::event, rondo::lock, rondo::semaphore, rondo::bounded_semaphore,
                                  rondo::condition, rondo::barrier, value_queue, value_lifo_queue, value_priority_queue,
                                  rondo::future<value>, rondo::context_var<value>>;
  std::deque<any_object> objects_;
};

} // namespace conformance
