// Queues of each kind, and items that show who has them.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "trace.hpp"

#include <rondo/awaitable.hpp>
#include <rondo/queue.hpp>

#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace support {

/// Can only be moved; whoever has lost it has 0.
class token {
public:
  explicit token(int n) noexcept : number_(n) {}
  token(token&& other) noexcept : number_(std::exchange(other.number_, 0)) {}
  token& operator=(token&& other) noexcept {
    number_ = std::exchange(other.number_, 0);
    return *this;
  }

  int number() const noexcept { return number_; }
  friend bool operator<(const token& a, const token& b) noexcept { return a.number_ < b.number_; }

private:
  int number_;
};

using token_queues = std::tuple<rondo::queue<token>, rondo::lifo_queue<token>, rondo::priority_queue<token>>;

template <class Queue>
rondo::awaitable<void> get_into(Queue& q, trace& log, std::string name) {
  const token item = co_await q.get();
  log.push_back(name + std::to_string(item.number()));
}

/// A coroutine that puts an item of somebody else.
template <class Queue, class Item>
rondo::awaitable<void> put_from(Queue& q, Item& item) {
  co_await q.put(std::move(item));
}

} // namespace support
