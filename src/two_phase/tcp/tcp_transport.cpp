// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/tcp_transport.hpp>

#include "node.hpp"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <stdexcept>

namespace asio = boost::asio;

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

void require_name(const participant_name& name) {
  if (name.empty() || name.text().size() > detail::tcp::max_name_size)
    throw std::invalid_argument(
        fmt::format("rondo: the name of a service has 1 to {} bytes in a TCP transport, but {} has {}",
                    detail::tcp::max_name_size, detail::tcp::quoted(name.text()), name.text().size()));
}

std::string_view remedy(const boost::system::error_code& ec) {
  if (ec == asio::error::address_in_use) return "another process listens there: stop it, or take another port";
  if (ec == asio::error::access_denied) return "ports below 1024 are for root: take another port";
  if (ec == boost::system::errc::address_not_available)
    return "take an address of this machine, such as 0.0.0.0 for all";
  return "see tcp_transport_options::listen";
}

[[noreturn]] void throw_cannot_listen(const participant_name& self, const tcp_address& where,
                                      const boost::system::error_code& ec) {
  throw boost::system::system_error(ec, fmt::format("rondo: {} cannot listen on {} ({})",
                                                    detail::tcp::quoted(self.text()), where.to_string(), remedy(ec)));
}

std::shared_ptr<detail::tcp::tcp_acceptor> listen_on(const asio::ip::tcp::endpoint& where,
                                                     boost::system::error_code& ec) {
  const auto result = std::make_shared<detail::tcp::tcp_acceptor>(get_running_loop().get_executor());
  result->open(where.protocol(), ec);
  if (!ec) result->set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) result->bind(where, ec);
  if (!ec) result->listen(asio::socket_base::max_listen_connections, ec);
  return result;
}

awaitable<std::shared_ptr<detail::tcp::tcp_acceptor>> begin_to_listen(const participant_name& self,
                                                                      const tcp_address& where) {
  detail::tcp::tcp_endpoints endpoints;
  boost::system::error_code ec;
  try {
    endpoints = co_await detail::tcp::resolve(where);
  } catch (const boost::system::system_error& e) {
    ec = e.code();
  }
  if (ec) throw_cannot_listen(self, where, ec);
  auto acceptor = listen_on(endpoints.front(), ec);
  if (ec) throw_cannot_listen(self, where, ec);
  co_return acceptor;
}

} // namespace

tcp_transport::tcp_transport(tcp_transport_options options)
    : options_(std::make_shared<const tcp_transport_options>(std::move(options))),
      counters_(std::make_shared<detail::tcp::live_counters>()) {
  if (options_->key().empty())
    throw std::invalid_argument("rondo: a TCP transport needs a key, which all services share: "
                                "tcp_transport_options().key(secret)");
  if (!options_->listen() && options_->peers().empty())
    throw std::invalid_argument("rondo: a TCP transport needs an address to listen on, or a peer to connect to: "
                                "tcp_transport_options::listen or peer");
}

tcp_transport::~tcp_transport() { abandon(); }

awaitable<void> tcp_transport::open(const participant_name& self, message_receiver& receiver) {
  require_name(self);
  if (node_ || opening_)
    throw std::logic_error(
        fmt::format("rondo: the TCP transport of {} is open already", detail::tcp::quoted(self.text())));
  opening_ = true;
  const std::shared_ptr<void> opening(nullptr, [this](void*) { opening_ = false; });
  std::shared_ptr<detail::tcp::tcp_acceptor> acceptor;
  if (options_->listen()) acceptor = co_await begin_to_listen(self, *options_->listen());
  const auto node = std::make_shared<detail::tcp::node>(options_, counters_, self, receiver);
  counters_->reset();
  node->start(acceptor);
  port_ = acceptor ? acceptor->local_endpoint().port() : std::uint16_t{0};
  node_ = node;
}

void tcp_transport::send(const participant_name& to, const message& what) {
  if (node_)
    node_->send(to, what);
  else
    counters_->add_dropped(1);
}

awaitable<void> tcp_transport::close(time_limit limit) {
  const auto node = std::exchange(node_, nullptr);
  if (node) co_await node->close(limit);
}

void tcp_transport::abandon() noexcept {
  if (const auto node = std::exchange(node_, nullptr)) node->abandon();
}

transport_statistics tcp_transport::statistics() const { return counters_->read(); }

std::string tcp_transport::description() const {
  if (node_) return node_->description();
  return options_->listen() ? "TCP transport, not open, for " + options_->listen()->to_string()
                            : std::string("TCP transport, not open");
}

} // namespace two_phase
RONDO_END_NAMESPACE
