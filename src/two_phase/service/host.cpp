// The life of a service, and what consumers and the participant tell it; see hooks.cpp for the hooks.
// SPDX-License-Identifier: BSL-1.0
#include "host.hpp"

#include <rondo/errors.hpp>
#include <rondo/timeout.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail {
namespace {

wait_limits limits_of(const transactional_service_options& options) {
  return {options.prepare_timeout(), options.commit_timeout(), options.rollback_timeout(), options.commit_timeout(),
          options.close_timeout()};
}

bool for_coordinator(message_kind kind) noexcept {
  return kind == message_kind::vote || kind == message_kind::ack || kind == message_kind::inquire ||
         kind == message_kind::done;
}

} // namespace

service_host::service_host(participant_name name, std::unique_ptr<resource> hooks, decision_log* log, transport* net,
                           const transactional_service_options& options)
    : name_(std::move(name)), options_(options), limits_(limits_of(options)), given_hooks_(std::move(hooks)),
      private_(net ? std::optional<private_network>() : std::optional<private_network>(std::in_place)),
      line_(net ? *net : private_->net, *this), arrived_(std::max<std::size_t>(options.backlog(), 1)),
      participant_(std::make_unique<two_phase::participant>(name_, *this, log ? *log : private_->log, line_,
                                                            options.participant())) {}

// ---- its life

awaitable<void> service_host::start(resource* derived, std::weak_ptr<transactional_service> owner) {
  {
    const std::lock_guard lock(mutex_);
    derived_ = derived;
    shared_ = !owner.expired();
    owner_ = std::move(owner);
  }
  return run_start(shared_from_this());
}

awaitable<void> service_host::run_start(self_ptr self) {
  if (self->home_) throw std::logic_error("rondo: service '" + self->name_.text() + "' was started before");
  self->home_ = get_running_loop();
  try {
    co_await self->participant_->start();
  } catch (...) {
    self->end();
    throw;
  }
}

awaitable<void> service_host::stop(time_limit drain) { return run_stop(shared_from_this(), drain); }

awaitable<void> service_host::run_stop(self_ptr self, time_limit drain) {
  try {
    co_await self->participant_->stop(drain);
  } catch (...) {
    self->end();
    throw;
  }
  self->end();
}

void service_host::end() noexcept {
  arrived_.close();
  transactions open;
  {
    const std::lock_guard lock(mutex_);
    open.swap(open_);
  }
  for (const auto& [branch, state] : open)
    state->end();
}

void service_host::abandon() noexcept {
  {
    const std::lock_guard lock(mutex_);
    derived_ = nullptr;
  }
  line_.cut();
  participant_.reset();
  end();
  const auto& elsewhere = options_.participant().hooks_on();
  if (!elsewhere) return;
  // A hook may be on its way to that loop. When the second of these has its turn, the hook has begun and keeps the host
  // itself, or will not begin.
  try {
    elsewhere->call_soon_threadsafe([self = shared_from_this()] { get_running_loop().call_soon([self] {}); });
  } catch (const std::runtime_error&) { // the loop is closed: nothing runs there
  }
}

const inproc_network& service_host::network() const {
  if (private_) return private_->network;
  throw std::logic_error("rondo: service '" + name_.text() + "' has a connection, and no network of its own");
}

// ---- transactions

awaitable<std::optional<service_transaction>> service_host::next(time_limit limit) {
  return wait_for(arrived_.next(), limit);
}

std::optional<service_transaction> service_host::blocking_next(time_limit limit, const std::stop_token& stop) {
  return arrived_.blocking_next(limit, stop);
}

template <class F>
void service_host::on_home(F f) {
  if (rondo::detail::running_core_or_null() == &home_->core()) return f();
  try {
    home_->call_soon_threadsafe(std::move(f));
  } catch (const std::runtime_error&) { // the loop is closed, and its timers are gone
  }
}

/// Null if too many wait to be taken.
auto service_host::arrive(const branch_id& branch, bool recovered) -> state_ptr {
  if (auto known = find(branch)) return known;
  auto state = std::make_shared<service_transaction_state>(branch, *home_, limits_, recovered);
  if (!queue(state)) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    open_.emplace(branch, state);
  }
  if (options_.auto_close())
    on_home([weak = weak_from_this(), state, after = options_.close_timeout()] {
      state->watch = state->home.call_later(after, [weak, branch = state->id] {
        if (const auto self = weak.lock()) self->report_late(branch);
      });
    });
  return state;
}

bool service_host::queue(const state_ptr& state) {
  service_transaction handle(state);
  try {
    while (!arrived_.try_put(std::move(handle))) {
      if (!options_.auto_close() && !state->recovered) return false;
      (void)arrived_.try_get();
    }
  } catch (const queue_shut_down&) { // it is being stopped: nobody asks any more
  }
  return true;
}

auto service_host::find(const branch_id& branch) const -> state_ptr {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(branch);
  return found == open_.end() ? nullptr : found->second;
}

void service_host::close(const state_ptr& state) {
  {
    const std::lock_guard lock(mutex_);
    open_.erase(state->id);
  }
  state->closed();
  if (!options_.auto_close()) return;
  on_home([state] {
    if (state->watch) state->watch.cancel();
  });
}

void service_host::report_late(const branch_id& branch) noexcept {
  const auto state = find(branch);
  if (!state) return;
  try {
    const auto seconds = std::chrono::duration<double>(options_.close_timeout()).count();
    const auto* why =
        state->in_doubt() ? "it is in doubt, and waits for its coordinator" : "a hook has not done its work";
    options_.participant().watcher().on_notice(
        notice(notice_kind::alarm, name_,
               fmt::format("{}: {} is not closed after {} s: {}", name_.text(), branch.to_gid(), seconds, why))
            .branch(branch)
            .alarm(alarm_kind::stuck)
            .exception(state->error()));
  } catch (...) {
    rondo::detail::report(home_->core(), "an observer of two-phase commit threw", std::current_exception());
  }
}

/// What the participant says is durable before it says it.
void service_host::on_sent(const message& what) {
  const bool yes = what.kind() == message_kind::vote && what.vote() == vote::yes;
  const bool end = what.kind() == message_kind::ack || what.kind() == message_kind::done;
  if (!yes && !end) return;
  const auto state = find(what.branch());
  if (!state) return;
  if (yes) state->voted(vote::yes);
  if (end) close(state);
}

consume_result service_host::consume(const message_headers& headers, std::span<const std::byte> body,
                                     std::function<void()> durable) {
  std::string why;
  auto what = from_headers(headers, body, why);
  if (what && for_coordinator(what->kind()))
    why = fmt::format("a message of type {}, which is for a coordinator", type_header(what->kind()));
  const auto loop = line_.loop();
  try {
    if (!why.empty()) {
      if (loop) loop->call_soon_threadsafe([self = shared_from_this(), why] { self->line_.reject(why); });
      return consume_result(consume_status::rejected, std::move(why));
    }
    if (loop) {
      loop->call_soon_threadsafe(
          [self = shared_from_this(), what = std::move(*what), durable = std::move(durable)]() mutable {
            self->line_.deliver(std::move(what), std::move(durable));
          });
      return consume_result(consume_status::taken);
    }
  } catch (const std::runtime_error&) { // the loop was closed just now
    if (!why.empty()) return consume_result(consume_status::rejected, std::move(why));
  }
  return consume_result(consume_status::not_open, "service '" + name_.text() + "' is not started, or is stopped");
}

} // namespace two_phase::detail
RONDO_END_NAMESPACE
