// Way 1: the consumer's thread asks the loop to set the event. The event belongs to the loop and is touched there only.
// SPDX-License-Identifier: BSL-1.0
#include "transaction_messages.hpp"

#include <rondo/event.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/runner.hpp>
#include <rondo/wait.hpp>

#include <iostream>

class transaction {
public:
  void on_message(const message& m) {
    rondo::event& e = m.type == "prepare" ? (m.succeeds ? prepared_ : prepare_failed_) : committed_;
    loop_.call_soon_threadsafe([&e] { e.set(); });
  }

  rondo::awaitable<bool> wait_for_prepare() {
    // The tasks that lose are cancelled, as the Python program does.
    const std::vector<rondo::task<>> both{rondo::create_task(wait_for(prepared_)),
                                          rondo::create_task(wait_for(prepare_failed_))};
    co_await rondo::wait(both, rondo::wait_options().return_when(rondo::return_when::first_completed));
    for (const rondo::task<>& t : both)
      co_await rondo::cancel_and_wait(t);
    co_return prepared_.is_set();
  }

  rondo::awaitable<void> wait_for_commit() { co_await committed_.wait(); }

private:
  static rondo::awaitable<void> wait_for(rondo::event& e) { co_await e.wait(); }

  rondo::event_loop loop_ = rondo::get_running_loop();
  rondo::event prepared_, prepare_failed_, committed_;
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
