// Sending, reporting, and the end.
// SPDX-License-Identifier: BSL-1.0
#include "node.hpp"

#include <rondo/errors.hpp>
#include <rondo/timeout.hpp>
#include <rondo/two_phase/message_codec.hpp>

#include <fmt/format.h>

#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

node::node(std::shared_ptr<const tcp_transport_options> options, std::shared_ptr<live_counters> counters,
           participant_name self, message_receiver& receiver)
    : options_(std::move(options)), counters_(std::move(counters)), self_(std::move(self)), loop_(get_running_loop()),
      receiver_(&receiver), key_(options_->key()), random_(std::random_device()()) {
  for (const auto& [name, address] : options_->peers())
    peers_.emplace(name, std::make_shared<peer>(name, address, options_->send_queue_limit()));
}

void node::start(const std::shared_ptr<tcp_acceptor>& acceptor) {
  if (acceptor) {
    acceptor_ = acceptor;
    listening_ = text_of(acceptor->local_endpoint());
    accepting_ = spawn("accept", [this, acceptor] { return accept(*acceptor); });
  }
  for (const auto& [name, each] : peers_)
    see_to_connection(each);
}

void node::send(const participant_name& to, const message& what) {
  const auto found = peers_.find(to);
  if (found == peers_.end() || finishing_ || stopped_) return counters_->add_dropped(1);
  const auto bytes = encode_message(what);
  if (bytes.size() > options_->max_frame_size()) {
    counters_->add_dropped(1);
    return reject_later(fmt::format("a {} message of {} bytes for {} was not sent: {} are allowed (max_frame_size)",
                                    to_string(what.kind()), bytes.size(), quoted(to.text()),
                                    options_->max_frame_size()));
  }
  peer& receiver = *found->second;
  if (!receiver.waiting.append(bytes)) return counters_->add_dropped(1);
  if (auto* active = receiver.active())
    active->wake();
  else
    see_to_connection(found->second);
}

void node::reject(std::string_view why) {
  if (!receiver_) return;
  counters_->add_rejected();
  tell([why](message_receiver& receiver) { receiver.on_rejected(why); });
}

void node::reject_later(std::string why) {
  loop_.call_soon([self = shared_from_this(), why = std::move(why)] { self->reject(why); });
}

void node::task_ended(std::uint64_t id) {
  tasks_.erase(id);
  greetings_.erase(id);
  if (tasks_.empty()) no_tasks_.set();
}

/// At once, so that another transport can have the port.
void node::stop_listening() {
  boost::system::error_code ignored;
  if (const auto acceptor = acceptor_.lock()) acceptor->close(ignored);
  if (accepting_) accepting_.cancel();
}

void node::cancel_tasks() {
  stopped_ = true;
  stop_listening();
  std::vector<any_task> all;
  for (const auto& [id, each] : tasks_)
    all.push_back(each);
  for (const auto& each : all)
    each.cancel("the TCP transport was closed");
  for (const auto& [name, each] : peers_)
    if (each->forgetting) each->forgetting.cancel();
}

bool node::quiet() const noexcept {
  for (const auto& [name, each] : peers_)
    if (each->address && !each->waiting.empty()) return false;
  return connections_.empty();
}

void node::look_for_quiet() {
  if (finishing_ && quiet()) quiet_.set();
}

awaitable<void> node::close(time_limit limit) {
  const auto self = shared_from_this();
  receiver_ = nullptr;
  finishing_ = true;
  stop_listening();
  for (const std::uint64_t each : greetings_)
    tasks_.at(each).cancel();
  for (connection* each : connections_)
    each->finish();
  look_for_quiet();
  std::exception_ptr cancelled;
  try {
    co_await wait_for(quiet_.wait(), limit);
  } catch (const timeout_error&) {
    // What could not be written is lost; whoever needs it sends it again.
  } catch (...) {
    cancelled = std::current_exception();
  }
  cancel_tasks();
  if (cancelled) std::rethrow_exception(cancelled);
  if (!tasks_.empty()) co_await no_tasks_.wait();
}

void node::abandon() noexcept {
  receiver_ = nullptr;
  finishing_ = true;
  try {
    if (get_running_loop_or_none() == loop_) return cancel_tasks();
    loop_.call_soon_threadsafe([self = shared_from_this()] { self->cancel_tasks(); });
  } catch (...) { // the loop has ended, and with it the tasks
  }
}

std::string node::description() const {
  std::string text = fmt::format("TCP transport of {}, ", quoted(self_.text()));
  text += listening_.empty() ? "not listening" : "listening on " + listening_;
  for (const auto& [name, each] : peers_) {
    text += fmt::format("; {}", quoted(name.text()));
    if (each->address) text += fmt::format(" at {}", each->address->to_string());
    if (each->incoming) text += fmt::format(", connected from {}", each->incoming->where());
    if (each->outgoing) text += ", connected";
    if (!each->active()) text += each->trouble.empty() ? ", not connected" : ", not connected: " + each->trouble;
  }
  return text;
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
