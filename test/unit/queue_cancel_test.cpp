// Cancels the user of each operation of a queue at every pass, before and after what others do in that pass: no item,
// no room and no wake-up is lost, and nothing stays in the lines.
// SPDX-License-Identifier: BSL-1.0
#include "../support/queues.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::token;

using queues = support::token_queues;

namespace {

template <class Queue>
struct world {
  Queue q{2};
  int last = 0; // number of an item
  int entered = 0;
  int received = 0;
  bool quiet = false; // nobody else does anything more

  awaitable<void> take() {
    token item = co_await q.get();
    got(item);
  }

  awaitable<void> give() {
    token item(++last);
    try {
      co_await q.put(std::move(item));
    } catch (...) {
      BOOST_TEST(item.number() != 0);
      throw;
    }
    BOOST_TEST(item.number() == 0);
    ++entered;
  }

  void got(const token& item) {
    BOOST_TEST(item.number() != 0);
    ++received;
  }

  void give_now() {
    if (q.try_put(token(++last))) ++entered;
  }
  void take_now() {
    if (q.try_get()) ++received;
  }

  /// Items that nobody takes, or room that nobody fills, though somebody waits for it.
  void check_lines() const {
    const auto s = q.statistics();
    BOOST_TEST(!(s.size > 0 && s.getters > 0));
    BOOST_TEST((q.full() || s.putters == 0));
  }
};

/// What goes on around the user.
enum class others { put, get, get_and_steal, finish };

template <class Queue>
struct scenario {
  const char* name;
  others around;
  std::function<awaitable<void>(world<Queue>&)> use;
};

template <class Queue>
std::vector<scenario<Queue>> scenarios() {
  using here = world<Queue>;
  return {
      {"get", others::put, [](here& w) { return w.take(); }},
      {"get twice", others::put,
       [](here& w) -> awaitable<void> {
         co_await w.take();
         co_await w.take();
       }},
      {"get, deferred", others::put,
       [](here& w) -> awaitable<void> {
         const token item = co_await w.q.get()(boost::asio::deferred);
         w.got(item);
       }},
      {"next until the end", others::put,
       [](here& w) -> awaitable<void> {
         while (const std::optional<token> item = co_await w.q.next())
           w.got(*item);
       }},
      {"get and put back", others::put,
       [](here& w) -> awaitable<void> {
         co_await w.take();
         co_await w.give();
         co_await w.take();
       }},
      {"wait_for of a get", others::put, [](here& w) { return wait_for(w.take(), 1h); }},
      {"with_timeout around a get", others::put,
       [](here& w) -> awaitable<void> { co_await with_timeout(1h, [&]() -> awaitable<void> { co_await w.take(); }); }},
      {"move_on_after around a get", others::put,
       [](here& w) -> awaitable<void> { co_await move_on_after(1h, [&]() -> awaitable<void> { co_await w.take(); }); }},
      {"settle of a get", others::put, [](here& w) -> awaitable<void> { co_await settle(w.take()); }},
      {"gather of gets", others::put, [](here& w) -> awaitable<void> { co_await gather(w.take(), w.take()); }},
      {"join of gets", others::put, [](here& w) -> awaitable<void> { co_await rondo::join(w.take(), w.take()); }},
      {"race of gets", others::put, [](here& w) -> awaitable<void> { co_await race(w.take(), w.take()); }},
      {"shield of a get", others::put, [](here& w) -> awaitable<void> { co_await shield(w.take()); }},
      {"group of gets", others::put,
       [](here& w) -> awaitable<void> {
         co_await with_task_group([&](task_group& group) {
           group.create_task(w.take());
           group.create_task(w.take());
         });
       }},
      {"put", others::get, [](here& w) { return w.give(); }},
      {"put, with a thief", others::get_and_steal, [](here& w) { return w.give(); }},
      {"put twice", others::get,
       [](here& w) -> awaitable<void> {
         co_await w.give();
         co_await w.give();
       }},
      {"wait_for of a put", others::get,
       [](here& w) -> awaitable<void> {
         token item(++w.last);
         co_await wait_for(w.q.put(std::move(item)), 1h);
         ++w.entered;
       }},
      {"gather of puts", others::get, [](here& w) -> awaitable<void> { co_await gather(w.give(), w.give()); }},
      {"race of puts", others::get, [](here& w) -> awaitable<void> { co_await race(w.give(), w.give()); }},
      {"map_concurrent of puts", others::get,
       [](here& w) -> awaitable<void> {
         const std::vector<int> three(3);
         const auto put = [&](int) { return w.give(); };
         co_await map_concurrent(three, put, 2);
       }},
      {"join", others::finish, [](here& w) -> awaitable<void> { co_await w.q.join(); }},
      {"wait_for of join", others::finish, [](here& w) -> awaitable<void> { co_await wait_for(w.q.join(), 1h); }},
  };
}

template <class Queue>
awaitable<void> go_around(world<Queue>& w, others what) {
  for (const int passes : {2, 1, 1, 2, 1}) {
    co_await testing::passes(passes);
    if (w.quiet) co_return;
    if (what == others::put)
      w.give_now();
    else
      w.take_now();
    if (what == others::get_and_steal && passes == 1) w.give_now();
    if (what == others::finish && w.q.statistics().unfinished > 0) w.q.task_done();
  }
}

/// After that pass of the loop nothing comes that could make up for what a cancellation has lost.
template <class Queue>
awaitable<void> cancel_after(int turns, task<void> user, world<Queue>& w, bool cancel_first) {
  co_await testing::passes(turns);
  user.cancel("enough");
  if (cancel_first) co_await testing::passes(1);
  w.quiet = true;
}

/// Returns true if the user had ended before the cancel.
template <class Queue>
awaitable<bool> cancel_user(const scenario<Queue>& s, int turns, bool cancel_first) {
  world<Queue> w;
  const bool gets = s.around == others::put;
  if (!gets)
    for (int i = 0; i < 2; ++i)
      w.give_now();
  const auto use = [&] { return s.use(w); };
  auto user = create_task(use);
  std::vector<task<void>> rivals;
  if (s.around != others::finish) rivals.push_back(create_task(gets ? w.take() : w.give()));
  task<void> canceller;
  if (cancel_first) canceller = create_task(cancel_after(turns, user, w, cancel_first));
  create_task(go_around(w, s.around));
  if (!cancel_first) canceller = create_task(cancel_after(turns, user, w, cancel_first));
  co_await canceller.get();
  const bool was_done = user.cancelling() == 0;
  co_await settle(user);
  co_await testing::settle_all();
  w.check_lines();
  BOOST_TEST(static_cast<int>(w.q.qsize()) == w.entered - w.received);
  if (s.around != others::finish) BOOST_TEST(static_cast<int>(w.q.statistics().unfinished) == w.entered);
  for (const any_task& t : all_tasks())
    if (t != current_task()) t.cancel();
  co_await testing::settle_all();
  BOOST_TEST(w.q.statistics().getters + w.q.statistics().putters == 0u);
  while (w.q.try_get()) {
  }
  co_await w.q.put(token(1)); // it works as before
  BOOST_TEST(w.q.get_nowait().number() == 1);
  co_return was_done;
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(the_user_of_each_operation_is_cancelled_at_every_pass, Queue, queues) {
  for (const scenario<Queue>& s : scenarios<Queue>())
    for (const bool cancel_first : {true, false}) {
      BOOST_TEST_INFO_SCOPE(s.name << (cancel_first ? ", cancel first" : ", cancel last"));
      int turns = 0;
      for (bool ended = false; !ended && turns < 12; ++turns) {
        BOOST_TEST_INFO_SCOPE("after passes: " << turns);
        ended = testing::run_virtual([&] { return cancel_user(s, turns, cancel_first); });
      }
      BOOST_TEST(turns > 3); // otherwise the scenario tests nothing
    }
}
