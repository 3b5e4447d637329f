// A connection behind its handshake.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "counters.hpp"
#include "frames.hpp"
#include "handshake_io.hpp"
#include "peer.hpp"

#include <rondo/event.hpp>

RONDO_BEGIN_NAMESPACE
namespace two_phase::detail::tcp {

/// Reads and writes frames. One task reads; another runs `write`, and ends soon after `end`.
class connection : public std::enable_shared_from_this<connection> {
public:
  connection(tcp_socket socket, const session& agreed, std::shared_ptr<peer> with, std::size_t max_body,
             std::shared_ptr<live_counters> counters);

  peer& with() const noexcept { return *peer_; }
  /// The other end of the socket.
  const std::string& where() const noexcept { return where_; }

  /// Waits for bytes. False if there will not be any more, or if the connection was ended meanwhile.
  awaitable<bool> read_more();
  /// The next message that is complete, or nothing. Answers what is no message.
  std::optional<std::span<const std::byte>> next_message();
  /// What is wrong with the frames; then there are no more messages.
  const std::string& wrong() const noexcept { return decoder_.wrong(); }
  /// Whether the peer has closed the connection in the middle of a frame.
  bool cut_in_frame() const noexcept { return closed_by_peer_ && decoder_.in_frame(); }

  /// Writes what waits for the peer as long as this is its active connection.
  awaitable<void> write();
  /// Something may have to be written.
  void wake() { wake_.set(); }
  /// Nothing will be sent behind what waits: says so to the peer once that is written.
  void finish();

  /// Asks the peer whether it is there whenever it was silent for that long.
  void watch(clock::duration silence);

  /// Closes the socket. The first reason counts; it is for people.
  void end(std::string_view why);
  bool ended() const noexcept { return ended_; }
  const std::string& why() const noexcept { return why_; }

private:
  /// The piece that is being written. It goes back unless it was written, also when the coroutine is destroyed.
  class piece_in_flight;

  awaitable<void> write_batches();
  bool has_messages() const noexcept;
  std::span<std::byte> control_frames();
  void look_for_silence(clock::duration silence);

  tcp_socket socket_;
  std::string where_;
  std::shared_ptr<peer> peer_;
  std::shared_ptr<live_counters> counters_;
  frame_sealer sealer_;
  frame_decoder decoder_;
  event wake_;
  outbox::piece control_;
  callback_handle silence_timer_;
  bool ping_due_ = false;
  bool pong_due_ = false;
  bool heard_ = false; // since the silence timer ran last
  bool asked_ = false; // when it ran last
  bool finishing_ = false;
  bool closed_by_peer_ = false;
  bool ended_ = false;
  std::string why_;
};

} // namespace two_phase::detail::tcp
RONDO_END_NAMESPACE
