// The network: loses, repeats, delays and reorders messages, or is a broker that keeps them until they are acknowledged.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "oracle.hpp"

#include <rondo/two_phase/transport.hpp>

#include <functional>
#include <map>
#include <set>

namespace sim {

class sim_transport;

class network {
public:
  network(hub& h, oracle& judge) : hub_(h), judge_(judge), random_(h.plan.stream(1)) {}
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  /// One process does not hear another one any more, or does again.
  void cut(std::size_t from, std::size_t to) { cuts_.emplace(from, to); }
  void mend(std::size_t from, std::size_t to) { cuts_.erase({from, to}); }
  /// A broker's connection to a process breaks: what was not acknowledged comes again.
  void lose_connection(const std::string& to);
  void heal();
  /// A message that nobody's coordinator or participant has sent.
  void post_as(std::size_t from, const std::string& to, const message& what) {
    post(from, two_phase::participant_name(to), what);
  }

  /// Messages that are under way, or wait in the broker.
  std::size_t pending() const { return letters_.size(); }
  std::string describe() const;

  /// Asked before a broker forgets a message: whether the process is done with it.
  std::function<bool(std::size_t process, const message& what)> is_done;

private:
  friend class sim_transport;

  struct letter {
    std::size_t from;
    two_phase::participant_name to;
    message what;
    rondo::clock::time_point due;
    rondo::callback_handle timer;
    std::uint64_t delivery = 0; // that is not acknowledged yet
  };

  void attach(const std::string& name, sim_transport& endpoint);
  void detach(const std::string& name, sim_transport& endpoint);
  void send(std::size_t from, const two_phase::participant_name& to, const message& what);
  void post(std::size_t from, const two_phase::participant_name& to, const message& what);
  void arrive(std::uint64_t number);
  void hand_over(std::uint64_t number, sim_transport& to);
  void acknowledge(std::size_t by, std::uint64_t delivery);
  void deliver_again(const std::string& name);
  void hit(fault which, std::size_t from, const two_phase::participant_name& to, const message& what);
  void hit_by_cut(std::size_t from, const two_phase::participant_name& to, const message& what);
  std::optional<std::size_t> process_of(const std::string& name) const;
  bool is_cut(std::size_t from, const two_phase::participant_name& to) const;

  hub& hub_;
  oracle& judge_;
  random_stream random_;
  std::map<std::string, sim_transport*> endpoints_;
  std::map<std::uint64_t, letter> letters_;
  std::map<std::uint64_t, std::uint64_t> deliveries_;                            // to letters
  std::map<std::pair<std::size_t, std::string>, rondo::clock::time_point> last_; // due, on each way
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
  std::uint64_t next_letter_ = 1;
  std::uint64_t next_delivery_ = 1;
};

/// One process's end of the network.
class sim_transport final : public two_phase::transport {
public:
  sim_transport(network& net, std::size_t owner) : net_(net), owner_(owner) {}
  ~sim_transport() override { die(); }

  /// Sends and receives nothing any more.
  void die();

  rondo::awaitable<void> open(const two_phase::participant_name& self, two_phase::message_receiver& receiver) override;
  void send(const two_phase::participant_name& to, const message& what) override;
  void acknowledge(std::uint64_t delivery) override;
  rondo::awaitable<void> close(rondo::time_limit limit) override;
  two_phase::transport_statistics statistics() const override { return {}; }
  std::string description() const override { return "the simulated network"; }

private:
  friend class network;

  network& net_;
  std::size_t owner_;
  std::string self_;
  two_phase::message_receiver* receiver_ = nullptr;
  bool dead_ = false;
};

} // namespace sim
