// The counter of the bank, where clients ask a coordinator for transfers.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "connection.hpp"
#include "order.hpp"
#include "process.hpp"

#include <rondo/task.hpp>
#include <rondo/two_phase/coordinator.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace bank {

/// What became of the transactions of this start, for clients that did not hear the answer. Those of earlier starts are
/// in the coordinator's log.
class outcomes final : public reporter {
public:
  using reporter::reporter;

  /// Transactions that an earlier start has committed, and that are being carried out.
  void recovered(std::set<rondo::two_phase::txid> those);

  std::optional<rondo::two_phase::decision> find(const rondo::two_phase::txid& id) const;

  void on_completed(const rondo::two_phase::txid& id, const rondo::two_phase::commit_result& result,
                    rondo::clock::duration age) override;
  void on_closed(const rondo::two_phase::txid& id, rondo::two_phase::decision how, rondo::clock::duration age) override;

private:
  static constexpr std::size_t remembered = 100'000;

  std::map<rondo::two_phase::txid, rondo::two_phase::decision> known_;
  std::deque<rondo::two_phase::txid> oldest_first_;
  std::set<rondo::two_phase::txid> recovered_;
  std::size_t recovered_count_ = 0;
  rondo::clock::time_point start_ = rondo::clock::now();
};

/// Serves clients. A client asks one thing at a time, in a line, and gets a line:
///
///     shards                       shards NAME...
///     begin                        begun TXID
///     transfer TXID FROM TO AMOUNT committed TXID | aborted TXID WHY | unknown TXID WHY
///     query TXID                   committed TXID | aborted TXID | unknown TXID
///
/// or "error WHY". A client writes the TXID down before it says "transfer": whatever happens to whom, it can ask later.
class teller {
public:
  teller(const coordinator_options& o, rondo::two_phase::coordinator& coordinator, const outcomes& known)
      : options_(o), coordinator_(coordinator), known_(known) {}

  /// Throws: `std::runtime_error` if the address cannot be used.
  void listen();
  std::uint16_t port() const { return acceptor_->local_endpoint().port(); }

  /// Runs until it is cancelled; then nobody can connect any more.
  rondo::awaitable<void> accept_clients();

  /// Waits until everybody has the answer to what was asked, and closes the connections.
  rondo::awaitable<void> close();

  /// How many are connected.
  std::ptrdiff_t clients() const {
    return std::ranges::count_if(clients_, [](const auto& each) { return !each->task.done(); });
  }

private:
  struct client {
    explicit client(tcp_socket socket) : line(std::move(socket)) {}

    connection line;
    rondo::two_phase::transaction begun;
    bool waits_for_answer = false;
    rondo::task<void> task;
  };

  rondo::awaitable<void> serve(std::shared_ptr<client> who);
  rondo::awaitable<std::string> answer(client& who, std::string question);
  rondo::awaitable<std::string> begin(client& who);
  rondo::awaitable<std::string> transfer(client& who, std::vector<std::string> words);
  rondo::awaitable<std::string> query(std::string id);
  std::map<std::string, order> orders_for(const std::vector<std::string>& words) const;

  const coordinator_options& options_;
  rondo::two_phase::coordinator& coordinator_;
  const outcomes& known_;
  std::optional<tcp_acceptor> acceptor_;
  std::set<std::shared_ptr<client>> clients_;
  bool closing_ = false;
};

} // namespace bank
