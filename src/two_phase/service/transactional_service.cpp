// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/transactional_service.hpp>

#include "host.hpp"

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

std::unique_ptr<resource> checked(std::unique_ptr<resource> hooks) {
  if (!hooks) throw std::invalid_argument("rondo: a service needs hooks; see make_resource");
  return hooks;
}

std::logic_error not_overridden(const participant_name& name, const char* hook) {
  return std::logic_error("rondo: the class of service '" + name.text() + "' does not override " + hook);
}

} // namespace

transactional_service::transactional_service(participant_name name, std::unique_ptr<resource> hooks, decision_log& log,
                                             transport& net, const transactional_service_options& options)
    : host_(std::make_shared<detail::service_host>(std::move(name), checked(std::move(hooks)), &log, &net, options)) {}

transactional_service::transactional_service(participant_name name, std::unique_ptr<resource> hooks,
                                             const transactional_service_options& options)
    : host_(std::make_shared<detail::service_host>(std::move(name), checked(std::move(hooks)), nullptr, nullptr,
                                                   options)) {}

transactional_service::transactional_service(participant_name name, decision_log& log, transport& net,
                                             const transactional_service_options& options)
    : host_(std::make_shared<detail::service_host>(std::move(name), nullptr, &log, &net, options)) {}

transactional_service::transactional_service(participant_name name, const transactional_service_options& options)
    : host_(std::make_shared<detail::service_host>(std::move(name), nullptr, nullptr, nullptr, options)) {}

transactional_service::~transactional_service() { host_->abandon(); }

awaitable<void> transactional_service::start() { return host_->start(this, weak_from_this()); }
awaitable<void> transactional_service::stop(time_limit drain) { return host_->stop(drain); }

awaitable<std::optional<service_transaction>> transactional_service::next(time_limit limit) {
  return host_->next(limit);
}

std::optional<service_transaction> transactional_service::blocking_next(time_limit limit, const std::stop_token& stop) {
  return host_->blocking_next(limit, stop);
}

consume_result transactional_service::consume(const message_headers& headers, std::span<const std::byte> body,
                                              std::function<void()> durable) {
  return host_->consume(headers, body, std::move(durable));
}

const participant_name& transactional_service::name() const noexcept { return host_->participant().name(); }
two_phase::participant& transactional_service::participant() noexcept { return host_->participant(); }
const inproc_network& transactional_service::network() const { return host_->network(); }

awaitable<prepare_answer> transactional_service::prepare(branch_id, std::vector<std::byte>) {
  throw not_overridden(name(), "prepare");
}
awaitable<void> transactional_service::commit(branch_id) { throw not_overridden(name(), "commit"); }
awaitable<void> transactional_service::rollback(branch_id) { throw not_overridden(name(), "rollback"); }

} // namespace two_phase
RONDO_END_NAMESPACE
