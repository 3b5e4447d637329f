// How connections come about and are served.
// SPDX-License-Identifier: BSL-1.0
#include "node.hpp"

#include <rondo/sleep.hpp>
#include <rondo/timeout.hpp>
#include <rondo/two_phase/message_codec.hpp>

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fmt/format.h>

namespace asio = boost::asio;

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {
namespace {

/// More clients than that, which have not proved that they know the key, and the oldest has to go.
constexpr std::size_t max_greetings = 256;

constexpr clock::duration accept_pause = std::chrono::milliseconds(200);

std::string in_seconds(clock::duration time) {
  return fmt::format("{} s", std::chrono::duration<double>(time).count());
}

void set_options(tcp_socket& socket) {
  boost::system::error_code ignored; // the other side may be gone already; reading will tell
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
}

} // namespace

/// A connection among those of its node and peer. It only clears pointers at its end: the loop may be gone then.
class node::attachment {
public:
  attachment(node& node, connection& connected, bool incoming)
      : node_(node), connected_(connected), place_(incoming ? connected.with().incoming : connected.with().outgoing) {
    node.connections_.insert(&connected);
    place_ = &connected;
  }
  attachment(const attachment&) = delete;
  attachment& operator=(const attachment&) = delete;
  ~attachment() { remove(); }

  void remove() noexcept {
    node_.connections_.erase(&connected_);
    if (place_ == &connected_) place_ = nullptr;
  }

private:
  node& node_;
  connection& connected_;
  connection*& place_;
};

/// A client that has not proved anything yet.
class node::greeting {
public:
  greeting(node& node, std::uint64_t task) : node_(node), task_(task) {}
  greeting(const greeting&) = delete;
  greeting& operator=(const greeting&) = delete;
  ~greeting() { node_.greetings_.erase(task_); }

private:
  node& node_;
  std::uint64_t task_;
};

awaitable<void> node::accept(tcp_acceptor& acceptor) {
  const auto self = shared_from_this();
  while (true) {
    boost::system::error_code ec;
    tcp_socket socket = co_await acceptor.async_accept(asio::redirect_error(use_task, ec));
    if (finishing_) co_return;
    if (!ec) {
      admit(std::move(socket));
    } else if (ec != asio::error::connection_aborted) {
      // Too many open files, most likely: clients that wait are accepted as others leave.
      reject(fmt::format("{} cannot accept connections and will try again: {}", listening_, ec.message()));
      co_await sleep(accept_pause);
    }
  }
}

void node::admit(tcp_socket socket) {
  set_options(socket);
  if (greetings_.size() >= max_greetings) {
    reject(
        fmt::format("more than {} connections have not finished their handshakes: the oldest is ended", max_greetings));
    tasks_.at(*greetings_.begin()).cancel();
    greetings_.erase(greetings_.begin());
  }
  const std::uint64_t id = next_task_;
  spawn("client", [this, id, s = std::move(socket)]() mutable { return receive_connection(s, id); });
  greetings_.insert(id);
}

awaitable<void> node::receive_connection(tcp_socket& socket, std::uint64_t task) {
  const auto self = shared_from_this();
  std::optional<session> agreed;
  std::string wrong;
  boost::system::error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) co_return;
  {
    const greeting unproved(*this, task);
    try {
      session with = co_await wait_for(welcome(socket, key_, self_.text()), options_->handshake_timeout());
      agreed = std::move(with);
    } catch (const handshake_error& e) {
      wrong = e.what();
    } catch (const timeout_error&) {
      wrong = fmt::format("did not finish the handshake in {}", in_seconds(options_->handshake_timeout()));
    } catch (const boost::system::system_error&) {
      co_return; // came and went, as those do who only want to know whether the port is open
    }
  }
  if (!wrong.empty()) reject(fmt::format("a connection from {} was refused: {}", text_of(endpoint), wrong));
  if (!agreed || stopped_) co_return;
  const auto connected = std::make_shared<connection>(std::move(socket), *agreed, find_or_add(agreed->peer()),
                                                      options_->max_frame_size(), counters_);
  co_await serve(connected, true);
}

node::peer_ptr node::find_or_add(const std::string& name) {
  auto& found = peers_[participant_name(name)];
  if (!found) found = std::make_shared<peer>(participant_name(name), std::nullopt, options_->send_queue_limit());
  return found;
}

/// Without a listening socket this side must connect, or nobody could reach it.
bool node::wants_connection(const peer& to) const noexcept {
  const bool always = !options_->listen() && !finishing_;
  return !stopped_ && to.address && !to.active() && (always || !to.waiting.empty());
}

void node::see_to_connection(const peer_ptr& to) {
  if (to->dialing || !wants_connection(*to)) return;
  to->dialing = true;
  spawn("connect to " + to->name.text(), [this, to] { return dial(to); });
}

awaitable<void> node::dial(peer_ptr to) {
  const auto self = shared_from_this();
  const std::shared_ptr<void> dialing(nullptr, [to](void*) { to->dialing = false; });
  while (wants_connection(*to)) {
    if (const auto wait = to->next_attempt - clock::now(); wait > clock::duration::zero()) {
      co_await sleep(wait);
      continue;
    }
    const clock::duration lived = co_await connect_once(to);
    if (lived > options_->max_reconnect_delay()) to->delay = clock::duration::zero();
    to->delay =
        std::clamp<clock::duration>(2 * to->delay, options_->min_reconnect_delay(), options_->max_reconnect_delay());
    to->next_attempt = clock::now() + jittered(to->delay);
  }
  look_for_quiet();
}

clock::duration node::jittered(clock::duration delay) {
  return std::chrono::nanoseconds(
      std::uniform_int_distribution<std::int64_t>(delay.count() / 2, delay.count())(random_));
}

/// Connects and serves the connection to its end. Returns how long it lived.
awaitable<clock::duration> node::connect_once(peer_ptr to) {
  tcp_socket socket(loop_.get_executor());
  std::optional<session> agreed;
  std::string wrong;
  try {
    session with = co_await wait_for(reach(socket, *to), options_->handshake_timeout());
    agreed = std::move(with);
  } catch (const handshake_error& e) {
    wrong = to->trouble = e.what();
  } catch (const timeout_error&) {
    to->trouble = fmt::format("no answer in {}", in_seconds(options_->handshake_timeout()));
  } catch (const boost::system::system_error& e) {
    to->trouble = e.code().message();
  }
  if (!wrong.empty())
    reject(
        fmt::format("the connection to {} at {} failed: {}", quoted(to->name.text()), to->address->to_string(), wrong));
  if (!agreed || stopped_) co_return clock::duration::zero();
  const auto connected =
      std::make_shared<connection>(std::move(socket), *agreed, to, options_->max_frame_size(), counters_);
  const auto begin = clock::now();
  co_await serve(connected, false);
  co_return clock::now() - begin;
}

awaitable<session> node::reach(tcp_socket& socket, const peer& to) {
  const tcp_endpoints endpoints = co_await resolve(*to.address);
  co_await asio::async_connect(socket, endpoints);
  // The kernel may connect a socket to itself when nobody listens on its own port.
  if (socket.local_endpoint() == socket.remote_endpoint())
    throw boost::system::system_error(asio::error::connection_refused);
  set_options(socket);
  co_return co_await greet(socket, key_, self_.text(), to.name.text());
}

awaitable<void> node::serve(connection_ptr connected, bool incoming) {
  const auto self = shared_from_this();
  peer& with = connected->with();
  if (with.incoming && incoming) with.incoming->end("the peer has opened a newer one");
  attachment attached(*this, *connected, incoming);
  with.trouble.clear();
  if (with.forgetting) with.forgetting.cancel();
  spawn("write to " + with.name.text(), [connected] { return connected->write(); });
  if (options_->keepalive()) connected->watch(*options_->keepalive());
  if (finishing_) connected->finish();
  std::exception_ptr error;
  try {
    while (co_await connected->read_more())
      hand_over(*connected);
  } catch (...) {
    error = std::current_exception();
  }
  attached.remove();
  if (connected->cut_in_frame())
    reject(fmt::format("the connection with {} at {} ended in the middle of a frame", quoted(with.name.text()),
                       connected->where()));
  connected->end("its task has ended");
  with.trouble = connected->why();
  look_for_quiet();
  if (error) std::rethrow_exception(error);
  if (auto* other = with.active())
    other->wake();
  else if (with.address)
    see_to_connection(peers_.at(with.name));
  else
    forget_later(peers_.at(with.name));
}

void node::hand_over(connection& from) {
  std::string why;
  while (const auto bytes = from.next_message()) {
    auto what = decode_message(*bytes, why);
    if (!receiver_) continue;
    if (!what) {
      reject(fmt::format("{} at {} sent {}", quoted(from.with().name.text()), from.where(), why));
      continue;
    }
    counters_->add_received();
    tell([&what](message_receiver& receiver) { receiver.on_message(std::move(*what), 0); });
  }
  if (from.wrong().empty() || from.ended()) return;
  reject(fmt::format("the connection with {} at {} was ended: {}", quoted(from.with().name.text()), from.where(),
                     from.wrong()));
  from.end(from.wrong());
}

/// Nobody can connect to a peer without an address; one that restarts comes back soon.
void node::forget_later(const peer_ptr& gone) {
  if (stopped_) return;
  const auto forget = [weak = weak_from_this(), name = gone->name] {
    const auto self = weak.lock();
    if (!self) return;
    self->counters_->add_dropped(self->peers_.at(name)->waiting.messages());
    self->peers_.erase(name);
  };
  gone->forgetting = loop_.call_later(2 * options_->max_reconnect_delay(), forget);
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
