// SPDX-License-Identifier: BSL-1.0
#include "network.hpp"

#include <algorithm>

namespace sim {
using namespace std::chrono_literals;

std::optional<std::size_t> network::process_of(const std::string& name) const {
  for (std::size_t i = 0; i < hub_.processes.size(); ++i)
    if (hub_.processes[i]->name() == name) return i;
  return std::nullopt;
}

bool network::is_cut(std::size_t from, const two_phase::participant_name& to) const {
  if (cuts_.empty()) return false;
  const auto receiver = process_of(to.text());
  return receiver && cuts_.contains({from, *receiver});
}

/// A message concerns its transaction at the coordinator and its branch at the participant.
void network::hit(fault which, std::size_t from, const two_phase::participant_name& to, const message& what) {
  ++hub_.faults;
  hub_.log.note(to_string(which), hub_.processes[from]->name(), judge_.number(what.transaction()),
                what.branch().branch(), 0, to_string(what.kind()));
  hub_.processes[from]->hit(which, what.branch());
  if (const auto receiver = process_of(to.text())) hub_.processes[*receiver]->hit(which, what.branch());
}

void network::hit_by_cut(std::size_t from, const two_phase::participant_name& to, const message& what) {
  const bool both = cuts_.contains({*process_of(to.text()), from});
  hit(both ? fault::partition : fault::one_way_partition, from, to, what);
}

void network::send(std::size_t from, const two_phase::participant_name& to, const message& what) {
  judge_.sent(what);
  hub_.log.note("sends", hub_.processes[from]->name(), judge_.number(what.transaction()), what.branch().branch(),
                what.low_water().seq(), to_string(what.kind()));
  if (is_cut(from, to)) return hit_by_cut(from, to, what);
  if (hub_.may(fault::drop) && random_.chance(60 * hub_.plan.intensity)) return hit(fault::drop, from, to, what);
  post(from, to, what);
  if (!hub_.may(fault::duplicate) || !random_.chance(60 * hub_.plan.intensity)) return;
  hit(fault::duplicate, from, to, what);
  for (auto copies = random_.between(1, 3); copies > 0; --copies)
    post(from, to, what);
}

void network::post(std::size_t from, const two_phase::participant_name& to, const message& what) {
  auto takes = hub_.plan.latency > 0ns ? random_.up_to(hub_.plan.latency) : 0ns;
  bool in_order = true;
  if (hub_.may(fault::delay) && random_.chance(40 * hub_.plan.intensity)) {
    hit(fault::delay, from, to, what);
    takes += random_.up_to(random_.chance(700) ? 30s : 600s);
    in_order = false;
  } else if (hub_.may(fault::reorder) && random_.chance(200)) {
    hit(fault::reorder, from, to, what);
    takes += random_.up_to(hub_.plan.latency + 20ms);
    in_order = false;
  }
  auto due = hub_.loop.time() + takes;
  if (in_order) {
    auto& last = last_[{from, to.text()}];
    due = last = std::max(due, last);
  }
  const auto number = next_letter_++;
  auto timer = hub_.loop.call_at(due, [this, number] { arrive(number); }, rondo::context());
  letters_.emplace(number, letter{from, to, what, due, std::move(timer)});
}

void network::arrive(std::uint64_t number) {
  const auto found = letters_.find(number);
  if (found == letters_.end()) return;
  auto& one = found->second;
  const auto receiver = endpoints_.find(one.to.text());
  const bool away = receiver == endpoints_.end();
  if (hub_.plan.broker) {
    if (!away) hand_over(number, *receiver->second); // else it waits in the broker
    return;
  }
  if (away || is_cut(one.from, one.to)) {
    if (!away) hit_by_cut(one.from, one.to, one.what); // it was under way when the connection broke
    letters_.erase(found);
    return;
  }
  hand_over(number, *receiver->second);
}

void network::hand_over(std::uint64_t number, sim_transport& to) {
  auto& one = letters_.at(number);
  if (one.timer) one.timer.cancel();
  const auto what = one.what;
  std::uint64_t delivery = 0;
  if (hub_.plan.broker) {
    delivery = one.delivery = next_delivery_++;
    deliveries_.emplace(delivery, number);
  } else {
    letters_.erase(number);
  }
  hub_.log.note("receives", to.self_, judge_.number(what.transaction()), what.branch().branch(), delivery,
                to_string(what.kind()));
  to.receiver_->on_message(what, delivery);
}

void network::acknowledge(std::size_t by, std::uint64_t delivery) {
  const auto found = deliveries_.find(delivery);
  if (found == deliveries_.end()) return; // the connection is another one since
  const auto place = letters_.find(found->second);
  deliveries_.erase(found);
  if (place == letters_.end() || place->second.delivery != delivery) return;
  if (!is_done(by, place->second.what))
    judge_.violated(
        fmt::format("a {} is acknowledged before its effect is durable", to_string(place->second.what.kind())));
  letters_.erase(place);
}

void network::attach(const std::string& name, sim_transport& endpoint) {
  endpoints_[name] = &endpoint;
  if (hub_.plan.broker) deliver_again(name);
}

void network::detach(const std::string& name, sim_transport& endpoint) {
  const auto found = endpoints_.find(name);
  if (found == endpoints_.end() || found->second != &endpoint) return;
  endpoints_.erase(found);
  for (auto& [number, one] : letters_)
    if (one.to.text() == name && one.delivery != 0) deliveries_.erase(std::exchange(one.delivery, 0));
}

/// What a broker has for somebody comes in the order of sending, a moment after the connection.
void network::deliver_again(const std::string& name) {
  const auto now = hub_.loop.time();
  for (auto& [number, one] : letters_) {
    if (one.to.text() != name || one.due > now) continue;
    if (one.delivery != 0) deliveries_.erase(std::exchange(one.delivery, 0));
    if (one.timer) one.timer.cancel();
    one.due = now + 1ms;
    one.timer = hub_.loop.call_at(one.due, [this, which = number] { arrive(which); }, rondo::context());
  }
}

void network::lose_connection(const std::string& to) {
  if (!endpoints_.contains(to)) return;
  hub_.happens(fault::connection_loss, to);
  auto& who = *hub_.processes[*process_of(to)];
  for (const auto& [number, one] : letters_)
    if (one.to.text() == to && one.delivery != 0) who.hit(fault::connection_loss, one.what.branch());
  deliver_again(to);
}

void network::heal() { cuts_.clear(); }

std::string network::describe() const {
  std::string text;
  for (const auto& [number, one] : letters_)
    text += fmt::format(" {} of tx {} to {}{},", to_string(one.what.kind()), judge_.number(one.what.transaction()),
                        one.to.text(), one.delivery != 0 ? " (delivered)" : "");
  return text;
}

// ---- one end

void sim_transport::die() {
  dead_ = true;
  receiver_ = nullptr;
  net_.detach(self_, *this);
}

rondo::awaitable<void> sim_transport::open(const two_phase::participant_name& self,
                                           two_phase::message_receiver& receiver) {
  self_ = self.text();
  receiver_ = &receiver;
  if (!dead_) net_.attach(self_, *this);
  co_return;
}

void sim_transport::send(const two_phase::participant_name& to, const message& what) {
  if (!dead_) net_.send(owner_, to, what);
}

void sim_transport::acknowledge(std::uint64_t delivery) {
  if (!dead_) net_.acknowledge(owner_, delivery);
}

rondo::awaitable<void> sim_transport::close(rondo::time_limit) {
  receiver_ = nullptr;
  net_.detach(self_, *this);
  co_return;
}

} // namespace sim
