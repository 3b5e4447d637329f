// SPDX-License-Identifier: BSL-1.0
#include "line.hpp"

#include <exception>
#include <utility>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {

std::optional<event_loop> service_line::loop() const {
  const std::lock_guard lock(loop_mutex_);
  return loop_;
}

void service_line::deliver(message what, std::function<void()> durable) {
  const std::lock_guard lock(mutex_);
  if (!receiver_) return;
  std::uint64_t delivery = 0;
  if (durable) {
    delivery = own_delivery | ++deliveries_;
    not_durable_.emplace(delivery, std::move(durable));
  }
  receiver_->on_message(std::move(what), delivery);
}

void service_line::reject(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (receiver_) receiver_->on_rejected(why);
}

void service_line::cut() noexcept {
  {
    const std::lock_guard lock(loop_mutex_);
    loop_.reset();
  }
  const std::lock_guard lock(mutex_);
  receiver_ = nullptr;
  not_durable_.clear();
}

awaitable<void> service_line::open(const participant_name& self, message_receiver& receiver) {
  co_await net_.open(self, receiver);
  {
    const std::lock_guard lock(mutex_);
    receiver_ = &receiver;
  }
  const std::lock_guard lock(loop_mutex_);
  loop_ = get_running_loop();
}

void service_line::send(const participant_name& to, const message& what) {
  net_.send(to, what);
  watcher_.on_sent(what);
}

void service_line::acknowledge(std::uint64_t delivery) {
  if ((delivery & own_delivery) == 0) return net_.acknowledge(delivery);
  std::function<void()> durable;
  {
    const std::lock_guard lock(mutex_);
    const auto found = not_durable_.find(delivery);
    if (found == not_durable_.end()) return;
    durable = std::move(found->second);
    not_durable_.erase(found);
  }
  try {
    durable();
  } catch (...) {
    const auto loop = this->loop();
    if (loop) rondo::detail::report(loop->core(), "a consumer's function `durable` threw", std::current_exception());
  }
}

awaitable<void> service_line::close(time_limit limit) {
  cut();
  return net_.close(limit);
}

void service_line::abandon() noexcept {
  cut();
  net_.abandon();
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
