// SPDX-License-Identifier: BSL-1.0
#include <rondo/event_loop.hpp>
#include <rondo/two_phase/inproc_transport.hpp>

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace detail {

/// A name and the messages that wait for it; any thread puts, its loop takes.
class inproc_endpoint : public std::enable_shared_from_this<inproc_endpoint> {
public:
  inproc_endpoint(participant_name name, event_loop loop, message_receiver& receiver)
      : name_(std::move(name)), loop_(std::move(loop)), receiver_(&receiver) {}

  const participant_name& name() const noexcept { return name_; }

  void put(message what) {
    bool first;
    {
      const std::lock_guard lock(mutex_);
      first = waiting_.empty();
      waiting_.push_back(std::move(what));
    }
    if (!first) return; // whoever put the first has called the loop
    auto wake = [self = shared_from_this()] { self->hand_over(); };
    if (get_running_loop_or_none() == loop_)
      loop_.call_soon(std::move(wake), context());
    else
      loop_.call_soon_threadsafe(std::move(wake), context());
  }

  void close() noexcept { receiver_ = nullptr; }

  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> received = 0;
  std::atomic<std::uint64_t> dropped = 0;

private:
  void hand_over() {
    std::vector<message> arrived;
    {
      const std::lock_guard lock(mutex_);
      arrived.swap(waiting_);
    }
    for (auto& each : arrived) {
      if (!receiver_) return; // closed, perhaps by the message before
      ++received;
      receiver_->on_message(std::move(each), 0);
    }
  }

  const participant_name name_;
  const event_loop loop_;
  message_receiver* receiver_; // used on the loop
  std::mutex mutex_;
  std::vector<message> waiting_;
};

class inproc_names {
public:
  void add(const std::shared_ptr<inproc_endpoint>& who) {
    const std::lock_guard lock(mutex_);
    if (!open_.emplace(who->name(), who).second)
      throw std::invalid_argument(
          fmt::format("rondo: '{}' is open in this network already: close the other one, or choose another name",
                      who->name().text()));
  }

  /// The name may have gone to another one since this was closed.
  void remove(const detail::inproc_endpoint& who) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(who.name());
    if (found != open_.end() && found->second.get() == &who) open_.erase(found);
  }

  std::shared_ptr<inproc_endpoint> find(const participant_name& name) {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(name);
    return found == open_.end() ? nullptr : found->second;
  }

private:
  std::mutex mutex_;
  std::map<participant_name, std::shared_ptr<inproc_endpoint>> open_;
};

} // namespace detail

inproc_network::inproc_network() : names_(std::make_shared<detail::inproc_names>()) {}

bool inproc_network::post(const participant_name& to, message what) const {
  const auto receiver = names_->find(to);
  if (!receiver) return false;
  try {
    receiver->put(std::move(what));
  } catch (const std::runtime_error&) { // its loop is closed
    return false;
  }
  return true;
}

inproc_transport::inproc_transport(const inproc_network& network) : network_(network) {}

inproc_transport::~inproc_transport() { abandon(); }

void inproc_transport::abandon() noexcept {
  if (!endpoint_) return;
  network_.names_->remove(*endpoint_);
  endpoint_->close();
}

awaitable<void> inproc_transport::open(const participant_name& self, message_receiver& receiver) {
  if (endpoint_) throw std::logic_error("rondo: this inproc_transport is open, or was: make a new one");
  if (self.empty()) throw std::invalid_argument("rondo: a transport is opened under a name");
  auto made = std::make_shared<detail::inproc_endpoint>(self, get_running_loop(), receiver);
  network_.names_->add(made);
  endpoint_ = std::move(made);
  co_return;
}

void inproc_transport::send(const participant_name& to, const message& what) {
  if (!endpoint_) return;
  ++(network_.post(to, what) ? endpoint_->sent : endpoint_->dropped);
}

awaitable<void> inproc_transport::close(time_limit) {
  abandon();
  co_return;
}

transport_statistics inproc_transport::statistics() const {
  transport_statistics now;
  if (endpoint_) now.sent(endpoint_->sent).received(endpoint_->received).dropped(endpoint_->dropped);
  return now;
}

std::string inproc_transport::description() const {
  return endpoint_ ? fmt::format("in-process transport of '{}'", endpoint_->name().text())
                   : std::string("in-process transport, not open");
}

} // namespace two_phase
RONDO_END_NAMESPACE
