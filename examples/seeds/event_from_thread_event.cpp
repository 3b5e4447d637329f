// Way 2: an event that any thread may set. The Python program polls a threading.Event ten times a second; a thread_event
// wakes the task at once.
// SPDX-License-Identifier: BSL-1.0
#include "transaction_messages.hpp"

#include <rondo/runner.hpp>
#include <rondo/thread_event.hpp>
#include <rondo/timeout.hpp>

#include <atomic>
#include <iostream>

class transaction {
public:
  void on_message(const message& m) {
    if (m.type == "prepare") {
      prepare_failed_ = !m.succeeds;
      prepare_done_.set();
    } else {
      committed_.set();
    }
  }

  rondo::awaitable<bool> wait_for_prepare() {
    co_await prepare_done_.wait();
    co_return !prepare_failed_;
  }

  rondo::awaitable<void> wait_for_commit() { co_await rondo::wait_for(committed_.wait(), std::chrono::seconds(5)); }

private:
  rondo::thread_event prepare_done_, committed_;
  std::atomic<bool> prepare_failed_ = false;
};

rondo::awaitable<void> async_main() {
  transaction t;
  const consumer thread({{"prepare", true}, {"commit", true}}, [&t](const message& m) { t.on_message(m); });
  const bool prepared = co_await t.wait_for_prepare();
  std::cout << "prepare " << (prepared ? "succeeded" : "failed") << '\n';
  co_await t.wait_for_commit();
  std::cout << "committed\n";
}

int main() { rondo::run(async_main()); }
