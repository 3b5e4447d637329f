// A service in two-phase commit: messages arrive on a consumer's thread, hooks run on the service's loop, and who waits
// on another loop is woken at once. The Python class mixes concurrent transactions up, polls, and keeps no log.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>
#include <rondo/two_phase/coordinator.hpp>
#include <rondo/two_phase/memory_log.hpp>
#include <rondo/two_phase/transactional_service.hpp>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;
using namespace rondo::two_phase;

const participant_name accounts_name("accounts"), outbox_name("outbox"), shop_name("shop");

/// Stands for a message broker: what the shop sends waits in a queue for the thread of a consumer.
class broker final : public transport {
public:
  explicit broker(const inproc_network& answers) : answers_(answers) {}

  rondo::awaitable<void> open(const participant_name& self, message_receiver& receiver) override {
    return answers_.open(self, receiver);
  }
  void send(const participant_name&, const message& what) override { queue.try_put(to_headers(what)); }
  rondo::awaitable<void> close(rondo::time_limit limit) override {
    queue.close();
    return answers_.close(limit);
  }
  void abandon() noexcept override {
    queue.close();
    answers_.abandon();
  }
  transport_statistics statistics() const override { return answers_.statistics(); }
  std::string description() const override { return "a queue"; }

  rondo::thread_queue<headed_message> queue;

private:
  inproc_transport answers_;
};

/// The service: three hooks. `prepare` reserves coins, which are then taken, or given back.
class accounts final : public transactional_service {
public:
  using transactional_service::transactional_service;

private:
  rondo::awaitable<prepare_answer> prepare(branch_id, std::vector<std::byte> payload) override {
    const std::string order(reinterpret_cast<const char*>(payload.data()), payload.size());
    std::cout << "accounts: prepare " << order << '\n';
    if (order == "a palace") co_return prepare_answer::no("not enough coins");
    if (order == "a slow boat") co_await reserve_slowly();
    co_return vote::yes;
  }

  rondo::awaitable<void> commit(branch_id) override {
    std::cout << "accounts: commit\n";
    co_return;
  }

  rondo::awaitable<void> rollback(branch_id) override {
    std::cout << "accounts: rollback\n";
    co_return;
  }

  static rondo::awaitable<void> reserve_slowly() {
    co_await rondo::finally([] { return rondo::sleep(1h); }, [] { std::cout << "accounts: the work is cancelled\n"; });
  }
};

class printer final : public observer {
public:
  void on_notice(const notice& what) override {
    if (what.kind() == notice_kind::message_rejected) std::cout << what.text() << '\n';
  }
};

/// What is sent when the transaction is committed, and only then: a branch of the shop's own.
class outbox {
public:
  explicit outbox(transactional_service& service) : service_(service) {}

  /// Between prepare and commit: the shop decides when this has answered, too.
  rondo::awaitable<bool> prepare() {
    last = *co_await service_.next();
    const wait_status prepared = co_await last.wait_for_prepare(300ms);
    if (prepared == wait_status::succeeded) std::cout << "Prepare succeeded, sending the order\n";
    if (prepared == wait_status::failed) std::cout << "Prepare failed: " << last.reason() << '\n';
    if (prepared == wait_status::timed_out) std::cout << "Prepare timed out\n";
    co_return prepared == wait_status::succeeded;
  }

  service_transaction last; // as the service sees it
  int sent = 0;

private:
  transactional_service& service_;
};

rondo::awaitable<void> buy(coordinator& shop, outbox& orders, std::string what) {
  transaction tx = co_await shop.begin();
  const auto payload = std::as_bytes(std::span(what));
  tx.enlist(accounts_name, {payload.begin(), payload.end()});
  tx.enlist(outbox_name);
  const commit_result result = co_await tx.commit();
  const wait_status closed = co_await orders.last.wait_for_close();
  std::cout << what << ": " << to_string(result.decision())
            << (closed == wait_status::succeeded ? ", and carried out\n" : ", and nothing is left of it\n");
}

/// With auto_close, phase 2 needs nobody: neither handle is kept.
rondo::awaitable<void> buy_and_forget(coordinator& shop, outbox& orders) {
  {
    transaction tx = co_await shop.begin();
    tx.enlist(accounts_name, {std::byte{'a'}, std::byte{' '}, std::byte{'h'}, std::byte{'a'}, std::byte{'t'}});
    tx.enlist(outbox_name);
    co_await tx.commit();
    orders.last = {};
  }
  co_await shop.stop(); // waits until everything is carried out
  std::cout << "orders sent: " << orders.sent << '\n';
}

int main() {
  printer watcher;
  accounts service(accounts_name, transactional_service_options().auto_close(true).participant(
                                      participant_options().watched_by(watcher)));
  const rondo::loop_thread home; // the service's loop
  home.submit(service.start()).result();

  broker queue(service.network());
  std::thread consumer([&] {                      // of a broker's client library; it has no loop
    service.consume({{"__type__", "HELLO"}}, {}); // rejected, which does not end the thread
    while (const auto delivered = queue.queue.blocking_next())
      service.consume(delivered->headers(), delivered->body());
  });

  rondo::run([&]() -> rondo::awaitable<void> {
    memory_log log;
    outbox orders(service);
    const auto handed_over = make_resource([&] { return orders.prepare(); }, [&] { ++orders.sent; }, [] {});
    coordinator shop(shop_name, log, queue);
    shop.add_resource(outbox_name, *handed_over);
    co_await shop.start();
    co_await buy(shop, orders, "a boat");
    co_await buy(shop, orders, "a palace");
    co_await buy(shop, orders, "a slow boat");
    co_await buy_and_forget(shop, orders);
  });
  consumer.join();
  home.submit(service.stop()).result();
}
