// What the tests of services share: a coordinator for a service's network, and a hand that plays one message by
// message.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../support/expect.hpp"
#include "shell_support.hpp"

#include <rondo/two_phase/transactional_service.hpp>

namespace service_test {

using namespace shell_test;
using rondo::two_phase::alarm; // not the system's
using support::contains;
using support::thrown;

inline const participant_name accounts_name("accounts");
inline const participant_name shop_name("shop");

/// A coordinator on the network of a service.
struct shop {
  explicit shop(const inproc_network& net, coordinator_options settings = {})
      : line(net), who(shop_name, log, line, settings.seed(1).watched_by(heard)) {}

  /// A transaction with the service, and a resource of the shop's own so that there are two phases.
  awaitable<transaction> begin(std::string_view payload = {}) {
    transaction tx = co_await who.begin();
    tx.enlist(accounts_name, bytes(payload));
    co_return tx;
  }

  memory_log log;
  inproc_transport line;
  listener heard;
  coordinator who;
};

/// Plays a coordinator by hand, so that a test says what comes when.
class hand final : public message_receiver {
public:
  explicit hand(const inproc_network& net) : net_(net), line_(net) {}

  awaitable<void> open() { return line_.open(shop_name, *this); }

  branch_id branch(std::uint64_t seq = 1) const { return {txid(log_, 1, seq), 0}; }
  message tell(message_kind kind, const branch_id& about) const {
    return message(kind, about).from(log_).sender(shop_name).low_water({1, 1}).prepared_under(voter_);
  }
  bool post(message what) { return net_.post(accounts_name, std::move(what)); }

  bool prepare(const branch_id& about, std::string_view payload = {}) {
    return post(tell(message_kind::prepare, about).payload(bytes(payload)));
  }
  bool commit(const branch_id& about) { return post(tell(message_kind::commit, about)); }
  bool rollback(const branch_id& about) { return post(tell(message_kind::rollback, about)); }

  /// How many messages of a kind have come back.
  std::size_t count(message_kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(heard.begin(), heard.end(), [kind](const message& m) { return m.kind() == kind; }));
  }

  void on_message(message what, std::uint64_t) override {
    voter_ = what.from();
    heard.push_back(std::move(what));
  }
  void on_rejected(std::string_view) override {}

  std::vector<message> heard;

private:
  inproc_network net_;
  inproc_transport line_;
  log_uuid log_ = log_uuid::random();
  log_uuid voter_;
};

/// Hooks that a test can look at while they run.
struct watched_hooks {
  watched_hooks() : owned(std::make_unique<recorder>()), work(*owned) {}
  std::unique_ptr<resource> take() { return std::move(owned); }

  std::unique_ptr<recorder> owned;
  recorder& work;
};

inline transactional_service_options heard_by(observer& who) {
  return transactional_service_options().participant(participant_options().seed(1).watched_by(who));
}

inline std::string_view text(wait_status status) {
  return status == wait_status::succeeded ? "succeeded" : status == wait_status::failed ? "failed" : "timed_out";
}

/// The next transaction that arrives, which must be there soon.
inline awaitable<service_transaction> taken(transactional_service& service) {
  std::optional<service_transaction> next = co_await service.next(10s);
  BOOST_TEST_REQUIRE(next.has_value());
  co_return std::move(*next);
}

} // namespace service_test
