// Way 3: the consumer's thread puts what has happened into a queue, from which a task takes it. The Python program needs
// run_coroutine_threadsafe for each put, since asyncio.Queue is not thread-safe; a thread_queue is.
// SPDX-License-Identifier: BSL-1.0
#include "transaction_messages.hpp"

#include <rondo/runner.hpp>
#include <rondo/thread_queue.hpp>

#include <iostream>

class transaction {
public:
  void on_message(const message& m) { happened_.blocking_put(m); }

  /// Whether what it waits for succeeded; everything else is passed over.
  rondo::awaitable<bool> wait_for(std::string type) {
    while (true) {
      const message m = co_await happened_.get();
      if (m.type == type) co_return m.succeeds;
    }
  }

private:
  rondo::thread_queue<message> happened_{16};
};

rondo::awaitable<void> async_main() {
  transaction t;
  const consumer thread({{"prepare", true}, {"commit", true}}, [&t](const message& m) { t.on_message(m); });
  const bool prepared = co_await t.wait_for("prepare");
  std::cout << "prepare " << (prepared ? "succeeded" : "failed") << '\n';
  if (co_await t.wait_for("commit")) std::cout << "committed\n";
}

int main() { rondo::run(async_main()); }
