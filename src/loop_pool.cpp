// SPDX-License-Identifier: BSL-1.0
#include <rondo/loop_pool.hpp>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE

loop_pool::loop_pool(std::size_t threads, pool_policy policy, const run_options& options) : policy_(policy) {
  if (threads == 0) throw std::invalid_argument("loop_pool: it needs at least one thread");
  members_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i)
    members_.push_back(std::make_unique<member>(options));
}

loop_pool::~loop_pool() { stop(); }

const loop_pool::member& loop_pool::choose() noexcept {
  // Also among equals they take turns.
  const std::size_t first = next_.fetch_add(1, std::memory_order_relaxed) % members_.size();
  if (policy_ == pool_policy::round_robin) return *members_[first];
  std::size_t best = first;
  for (std::size_t i = 1; i < members_.size(); ++i) {
    const std::size_t candidate = (first + i) % members_.size();
    if (*members_[candidate]->load < *members_[best]->load) best = candidate;
  }
  return *members_[best];
}

std::vector<event_loop> loop_pool::loops() const {
  std::vector<event_loop> result;
  result.reserve(members_.size());
  for (const auto& m : members_)
    result.push_back(m->thread.loop());
  return result;
}

void loop_pool::stop() {
  for (const auto& m : members_)
    m->thread.stop();
}

RONDO_END_NAMESPACE
