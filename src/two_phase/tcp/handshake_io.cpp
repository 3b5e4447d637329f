// SPDX-License-Identifier: BSL-1.0
#include "handshake_io.hpp"

#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace asio = boost::asio;

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {
namespace {

/// The rest of a message, which the client may have begun. Throws `handshake_error` if it does not come.
awaitable<void> read_from_client(tcp_socket& socket, asio::mutable_buffer into) {
  boost::system::error_code ec;
  co_await asio::async_read(socket, into, asio::transfer_all(), asio::redirect_error(use_task, ec));
  if (ec) throw handshake_error("ended the connection in the middle of the handshake; has it another key?");
}

/// What was sent already is read, since closing a socket with unread bytes takes back what was written to it.
awaitable<void> refuse(tcp_socket& socket, verdict value) {
  boost::system::error_code ignored;
  std::vector<std::byte> unread(std::min(socket.available(ignored), hello_head_size + 2 * max_name_size));
  socket.read_some(asio::buffer(unread), ignored);
  const auto answer = encode_answer(value);
  co_await asio::async_write(socket, asio::buffer(answer), asio::redirect_error(use_task, ignored));
}

awaitable<handshake> read_hello(tcp_socket& socket) {
  std::vector<std::byte> hello(hello_head_size);
  const std::size_t first = co_await socket.async_read_some(asio::buffer(hello.data(), prelude_size));
  co_await read_from_client(socket, asio::buffer(hello.data() + first, prelude_size - first));
  std::optional<std::uint16_t> version;
  std::string why = check_prelude(std::span(hello).first(prelude_size), tcp_role::client, version);
  if (version) co_await refuse(socket, verdict::other_version);
  if (!why.empty()) throw handshake_error(why);
  co_await read_from_client(socket, asio::buffer(hello) + prelude_size);
  hello.resize(hello_head_size + names_size(hello));
  co_await read_from_client(socket, asio::buffer(hello) + hello_head_size);
  std::optional<handshake> result = decode_hello(hello, why);
  if (!result) throw handshake_error(why);
  co_return std::move(*result);
}

struct lookup {
  explicit lookup(const asio::any_io_executor& executor) : resolver(executor) {}

  asio::ip::tcp::resolver resolver;
  boost::system::error_code error;
  tcp_endpoints found;
  event done;
};

} // namespace

awaitable<session> greet(tcp_socket& socket, mac& key, const std::string& self, const std::string& wanted) {
  handshake both(self, wanted, random_bytes());
  const auto hello = encode_hello(both);
  co_await asio::async_write(socket, asio::buffer(hello));
  std::vector<std::byte> answer(answer_head_size);
  co_await asio::async_read(socket, asio::buffer(answer));
  std::optional<std::uint16_t> version;
  const std::string wrong = check_prelude(std::span(answer).first(prelude_size), tcp_role::server, version);
  if (!wrong.empty()) throw handshake_error(wrong);
  const auto said = static_cast<verdict>(answer[prelude_size]);
  if (said != verdict::welcome) throw handshake_error(std::string(explain(said)));
  answer.resize(welcome_tail_size);
  co_await asio::async_read(socket, asio::buffer(answer));
  digest nonce;
  std::copy_n(answer.begin(), nonce.size(), nonce.begin());
  both.server_nonce(nonce);
  const digest expected = both.proof(key, tcp_role::server);
  if (!same(expected, std::span(answer).subspan(nonce.size()))) throw handshake_error("it has another key");
  const digest proof = both.proof(key, tcp_role::client);
  co_await asio::async_write(socket, asio::buffer(proof));
  co_return session(wanted, both.session_key(key, tcp_role::client), both.session_key(key, tcp_role::server));
}

awaitable<session> welcome(tcp_socket& socket, mac& key, const std::string& self) {
  handshake both = co_await read_hello(socket);
  if (both.server() != self) {
    co_await refuse(socket, verdict::other_name);
    throw handshake_error(fmt::format("{} wants to reach {}, but this is {}; is its address for {} right?",
                                      quoted(both.client()), quoted(both.server()), quoted(self),
                                      quoted(both.server())));
  }
  if (both.client() == self) {
    co_await refuse(socket, verdict::own_name);
    throw handshake_error(fmt::format("it calls itself {}, which is the name of this service", quoted(self)));
  }
  both.server_nonce(random_bytes());
  const auto answer = encode_answer(verdict::welcome, both.server_nonce(), both.proof(key, tcp_role::server));
  co_await asio::async_write(socket, asio::buffer(answer));
  digest proof;
  co_await read_from_client(socket, asio::buffer(proof));
  if (!same(both.proof(key, tcp_role::client), proof))
    throw handshake_error(fmt::format("calls itself {}, and has another key", quoted(both.client())));
  co_return session(both.client(), both.session_key(key, tcp_role::server), both.session_key(key, tcp_role::client));
}

awaitable<tcp_endpoints> resolve(const tcp_address& address) {
  boost::system::error_code no_number;
  const auto number = asio::ip::make_address(address.host(), no_number);
  if (!no_number) co_return tcp_endpoints(1, asio::ip::tcp::endpoint(number, address.port()));
  // Not with use_task: a resolver that is at work cannot be cancelled.
  const auto state = std::make_shared<lookup>(get_running_loop().get_executor());
  state->resolver.async_resolve(address.host(), std::to_string(address.port()),
                                [state](const boost::system::error_code& ec, const auto& results) {
                                  state->error = ec;
                                  for (const auto& each : results)
                                    state->found.push_back(each.endpoint());
                                  state->done.set();
                                });
  co_await state->done.wait();
  if (state->error) throw boost::system::system_error(state->error);
  co_return std::move(state->found);
}

std::string text_of(const asio::ip::tcp::endpoint& where) {
  return tcp_address(where.address().to_string(), where.port()).to_string();
}

std::string quoted(std::string_view name) {
  std::string result = "'";
  for (const char c : name)
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return result + "'";
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
