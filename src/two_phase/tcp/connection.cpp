// SPDX-License-Identifier: BSL-1.0
#include "connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace asio = boost::asio;

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {
namespace {

std::string other_end(const tcp_socket& socket) {
  boost::system::error_code ec;
  const auto where = socket.remote_endpoint(ec);
  return ec ? std::string("a client that has gone") : text_of(where);
}

} // namespace

class connection::piece_in_flight {
public:
  explicit piece_in_flight(connection& owner) : owner_(owner) {
    if (!owner.has_messages()) return;
    bytes_ = owner.peer_->waiting.take();
    count_ = owner.sealer_.seal(bytes_);
  }
  piece_in_flight(const piece_in_flight&) = delete;
  piece_in_flight& operator=(const piece_in_flight&) = delete;
  ~piece_in_flight() {
    if (!bytes_.empty()) owner_.peer_->waiting.put_back(std::move(bytes_));
  }

  asio::const_buffer buffer() const noexcept { return asio::buffer(bytes_); }

  void written() {
    if (bytes_.empty()) return;
    owner_.peer_->waiting.written(std::exchange(bytes_, outbox::piece()), count_);
    owner_.counters_->add_sent(count_);
  }

private:
  connection& owner_;
  outbox::piece bytes_;
  std::size_t count_ = 0;
};

connection::connection(tcp_socket socket, const session& agreed, std::shared_ptr<peer> with, std::size_t max_body,
                       std::shared_ptr<live_counters> counters)
    : socket_(std::move(socket)), where_(other_end(socket_)), peer_(std::move(with)), counters_(std::move(counters)),
      sealer_(agreed.sending_key()), decoder_(agreed.receiving_key(), max_body) {}

awaitable<bool> connection::read_more() {
  const auto space = decoder_.space();
  boost::system::error_code ec;
  const std::size_t count =
      co_await socket_.async_read_some(asio::buffer(space.data(), space.size()), asio::redirect_error(use_task, ec));
  closed_by_peer_ = ec == asio::error::eof;
  if (ec) end(closed_by_peer_ ? "the peer has closed the connection" : ec.message());
  decoder_.arrived(count);
  heard_ = true;
  co_return !ended_;
}

std::optional<std::span<const std::byte>> connection::next_message() {
  while (!ended_) {
    const auto next = decoder_.next();
    if (!next) break;
    if (next->kind() == frame_kind::message) return next->body();
    if (next->kind() == frame_kind::ping) {
      pong_due_ = true;
      wake();
    }
  }
  return std::nullopt;
}

bool connection::has_messages() const noexcept { return peer_->active() == this && !peer_->waiting.empty(); }

std::span<std::byte> connection::control_frames() {
  control_.clear();
  if (std::exchange(ping_due_, false)) append_frame(control_, frame_kind::ping);
  if (std::exchange(pong_due_, false)) append_frame(control_, frame_kind::pong);
  sealer_.seal(control_);
  return control_;
}

awaitable<void> connection::write() {
  const auto self = shared_from_this();
  try {
    co_await write_batches();
  } catch (...) { // without a writer it is of no use
    end("its writing task was cancelled, or has failed");
    throw;
  }
}

awaitable<void> connection::write_batches() {
  while (!ended_) {
    if (!has_messages() && !ping_due_ && !pong_due_) {
      if (finishing_) break;
      wake_.clear();
      co_await wake_.wait();
      continue;
    }
    // All frames that have gathered go out in one write.
    const auto control = control_frames();
    piece_in_flight piece(*this);
    const std::array<asio::const_buffer, 2> buffers = {asio::const_buffer(control.data(), control.size()),
                                                       piece.buffer()};
    boost::system::error_code ec;
    co_await asio::async_write(socket_, buffers, asio::redirect_error(use_task, ec));
    if (ec)
      end(ec.message());
    else
      piece.written();
  }
  boost::system::error_code ignored;
  if (!ended_) socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void connection::finish() {
  finishing_ = true;
  wake();
}

void connection::watch(clock::duration silence) {
  silence_timer_ = get_running_loop().call_later(silence, [weak = weak_from_this(), silence] {
    if (const auto self = weak.lock()) self->look_for_silence(silence);
  });
}

void connection::look_for_silence(clock::duration silence) {
  if (ended_) return;
  const bool silent = !std::exchange(heard_, false);
  if (silent && asked_) return end("the peer did not answer the question whether it is there");
  asked_ = silent;
  ping_due_ = silent;
  if (silent) wake();
  watch(silence);
}

void connection::end(std::string_view why) {
  if (std::exchange(ended_, true)) return;
  why_ = why;
  if (silence_timer_) silence_timer_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  wake();
}

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
