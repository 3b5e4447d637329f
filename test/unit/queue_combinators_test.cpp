// Operations of a queue as sources: of tasks, of each combinator, in scopes, and with completion tokens.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/expect.hpp"
#include "../support/queues.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace rondo;
using namespace std::chrono_literals;
using support::end_of;
using support::token;

namespace {

/// Puts the tokens 1 to n, one each second.
template <class Queue>
void feed(Queue& q, int n) {
  for (int i = 1; i <= n; ++i)
    get_running_loop().call_later(std::chrono::seconds(i), [&q, i] { q.put_nowait(token(i)); });
}

} // namespace

BOOST_AUTO_TEST_CASE(a_get_is_a_source_of_tasks) {
  queue<token> q;
  q.put_nowait(token(1));
  BOOST_TEST(testing::run_virtual(q.get()).number() == 1);
  testing::run_virtual([&]() -> awaitable<void> {
    feed(q, 4);
    auto a = create_task(q.get());
    auto b = get_running_loop().create_task(q.next());
    auto get = [&] { return q.get(); };
    auto c = create_task(get);
    task<token> d;
    co_await with_task_group([&](task_group& group) -> awaitable<void> {
      d = group.create_task(q.get());
      co_return;
    });
    BOOST_TEST(a.result().number() == 1);
    BOOST_TEST(b.result()->number() == 2);
    BOOST_TEST(c.result().number() == 3);
    BOOST_TEST(d.result().number() == 4);
  });
}

BOOST_AUTO_TEST_CASE(gather_of_queue_operations) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q(1);
    token first(1), second(2), third(3);
    auto [a, b, c, d, e, f] = (co_await gather(q.get(), q.next(), q.put(std::move(first)), q.put(std::move(second)),
                                               q.put(std::move(third)), q.get()));
    BOOST_TEST(f.number() == 1); // it need not wait (Q1)
    BOOST_TEST(b->number() == 2);
    BOOST_TEST(a.number() == 3);
    std::ignore = std::tie(c, d, e);
    BOOST_TEST(q.empty());
    using get_op = decltype(q.get());
    std::vector<get_op> gets;
    for (int i = 0; i < 3; ++i)
      gets.push_back(q.get());
    feed(q, 3);
    const std::vector<token> all = co_await gather(std::move(gets));
    BOOST_REQUIRE(all.size() == 3u);
    for (int i = 0; i < 3; ++i)
      BOOST_TEST(all[static_cast<std::size_t>(i)].number() == i + 1);
    for (int i = 0; i < 6; ++i)
      q.task_done();
    BOOST_CHECK_THROW(q.task_done(), std::invalid_argument);
  });
}

BOOST_AUTO_TEST_CASE(gather_settled_tells_the_end_of_a_queue_from_items) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    q.put_nowait(token(1));
    token late(2);
    get_running_loop().call_later(1s, [&] { q.shutdown(); });
    auto [a, b, c] = (co_await gather_settled(q.get(), q.get(), wait_for(q.join(), 3s)));
    BOOST_TEST(a->number() == 1);
    BOOST_CHECK(b.error_as<queue_shut_down>());
    BOOST_CHECK(c.error_as<timeout_error>());
    auto put = co_await settle(q.put(std::move(late)));
    BOOST_CHECK(put.error_as<queue_shut_down>());
    BOOST_TEST(late.number() == 2);
  });
}

BOOST_AUTO_TEST_CASE(join_of_gets_takes_all_or_leaves_what_has_not_come) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    feed(q, 2);
    auto [a, b] = (co_await join(q.get(), q.get()));
    BOOST_TEST(a.number() + b.number() == 3);
    auto end = co_await end_of(join(q.get(), support::fails_after(1s, "error")));
    BOOST_TEST(end == "error");
    q.put_nowait(token(3));
    co_await testing::settle_all();
    BOOST_TEST(q.qsize() == 1u);
    BOOST_TEST(q.statistics().getters == 0u);
  });
}

BOOST_AUTO_TEST_CASE(race_of_gets_takes_one_item_or_tells_of_two) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> a, b;
    for (const bool both : {false, true}) {
      get_running_loop().call_later(1s, [&] {
        a.put_nowait(token(1));
        if (both) b.put_nowait(token(2));
      });
      auto [x, y] = (co_await race(a.get(), b.get()));
      BOOST_REQUIRE(x.has_value());
      BOOST_TEST(x->number() == 1);
      BOOST_TEST(y.has_value() + static_cast<int>(b.qsize()) == both); // nothing is lost
      while (b.try_get()) {
      }
      BOOST_TEST(b.statistics().getters == 0u);
    }
  });
}

BOOST_AUTO_TEST_CASE(wait_and_as_completed_of_gets) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    feed(q, 3);
    std::vector<task<token>> tasks;
    for (int i = 0; i < 2; ++i)
      tasks.push_back(create_task(q.get()));
    auto r = co_await rondo::wait(tasks, wait_options().return_when(return_when::first_completed));
    BOOST_REQUIRE(r.done.size() == 1u);
    BOOST_TEST(r.done[0].result().number() == 1);
    auto items = as_completed(std::nullopt, tasks[1], create_task(q.get()));
    std::string numbers;
    while (auto f = co_await items.next())
      numbers += std::to_string(f->result().number());
    BOOST_TEST(numbers == "23");
    auto ops = as_completed(1s, q.get(), q.get());
    q.put_nowait(token(4));
    auto first = co_await ops.next();
    BOOST_TEST(first->result().number() == 4);
    auto end = co_await end_of(ops.next());
    BOOST_TEST(end == "Timeout");
    q.put_nowait(token(5)); // for the task that as_completed left
    co_await testing::settle_all();
    BOOST_TEST(q.empty());
  });
}

BOOST_AUTO_TEST_CASE(shield_of_a_get_takes_the_item_for_the_one_who_asks_later) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    auto get = create_task(q.get());
    auto end = co_await end_of(wait_for(shield(get), 1s));
    BOOST_TEST(end == "Timeout");
    q.put_nowait(token(1));
    const token got = co_await get.get();
    BOOST_TEST(got.number() == 1);
    feed(q, 1);
    const token other = co_await shield(q.get());
    BOOST_TEST(other.number() == 1);
  });
}

BOOST_AUTO_TEST_CASE(map_concurrent_of_queue_operations) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q(2);
    std::vector<token> items;
    for (int i = 1; i <= 6; ++i)
      items.emplace_back(i);
    const auto put = [&](token& item) { return q.put(std::move(item)); };
    auto producer = create_task([&]() -> awaitable<void> { co_await map_concurrent(items, put, 3); });
    const std::vector<int> six(6);
    const auto get = [&](int) { return q.get(); };
    const std::vector<token> got = co_await map_concurrent(six, get, 4);
    co_await producer.get();
    int sum = 0;
    for (const token& t : got)
      sum += t.number();
    BOOST_TEST(sum == 21);
    BOOST_TEST(q.empty());
  });
}

BOOST_AUTO_TEST_CASE(time_limits_and_scopes_around_a_get) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    const auto body = [&]() -> awaitable<token> { co_return co_await q.get(); };
    auto end = co_await end_of(wait_for(q.get(), 1s));
    BOOST_TEST(end == "Timeout");
    end = co_await end_of(with_timeout(1s, body));
    BOOST_TEST(end == "Timeout");
    end = co_await end_of(fail_after(1s, body));
    BOOST_TEST(end == "Timeout");
    std::optional<token> nothing = co_await move_on_after(1s, body);
    BOOST_TEST(!nothing.has_value());
    BOOST_TEST(q.statistics().getters == 0u);
    feed(q, 4);
    token got = co_await wait_for(q.get(), 2s);
    BOOST_TEST(got.number() == 1);
    got = co_await with_timeout(2s, body);
    BOOST_TEST(got.number() == 2);
    got = co_await fail_after(2s, body);
    BOOST_TEST(got.number() == 3);
    std::optional<token> last = co_await move_on_after(2s, body);
    BOOST_REQUIRE(last.has_value());
    BOOST_TEST(last->number() == 4);
  });
}

BOOST_AUTO_TEST_CASE(a_scope_that_is_cancelled_when_the_item_is_there_leaves_it_for_others) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool item_first : {true, false}) {
      queue<token> q;
      std::optional<cancel_scope> handle;
      const auto in_scope = [&]() -> awaitable<void> {
        co_await with_cancel_scope([&](cancel_scope& scope) -> awaitable<void> {
          handle = scope;
          co_await q.get();
        });
      };
      auto getter = create_task(in_scope);
      auto other = create_task(q.get());
      co_await testing::passes(2);
      if (item_first) q.put_nowait(token(1));
      handle->cancel();
      if (!item_first) q.put_nowait(token(1));
      co_await getter.get();
      co_await testing::passes(1);
      BOOST_REQUIRE(other.done());
      BOOST_TEST(other.result().number() == 1);
    }
  });
}

// --- completion tokens ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(deferred_and_use_awaitable_work_as_tokens) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q(1);
    feed(q, 2);
    const auto a = co_await q.get()(boost::asio::use_awaitable); // in its box, as all tokens but deferred get it
    BOOST_TEST((*a).number() == 1);
    auto deferred = q.get()(boost::asio::deferred);
    const token b = co_await std::move(deferred);
    BOOST_TEST(b.number() == 2);
    token item(3), full(4);
    co_await q.put(std::move(item))(boost::asio::deferred);
    auto waiting = create_task([&]() -> awaitable<void> { //
      co_await q.put(std::move(full))(boost::asio::use_awaitable);
    });
    co_await testing::passes(2);
    BOOST_TEST(full.number() == 4);
    BOOST_TEST(q.get_nowait().number() == 3);
    co_await waiting.get();
    BOOST_TEST(q.get_nowait().number() == 4);
    for (int i = 0; i < 4; ++i)
      q.task_done();
    co_await q.join()(boost::asio::deferred);
  });
}

BOOST_AUTO_TEST_CASE(a_deferred_get_loses_its_item_to_one_who_does_not_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    q.put_nowait(token(1));
    auto getter = create_task([&]() -> awaitable<token> { co_return co_await q.get()(boost::asio::deferred); });
    get_running_loop().call_soon([&] { get_running_loop().call_soon([&] { q.try_get(); }); });
    co_await testing::passes(4);
    q.put_nowait(token(2));
    const token got = co_await getter.get();
    BOOST_TEST((got.number() == 1 || got.number() == 2));
    BOOST_TEST(q.qsize() == (got.number() == 1 ? 1u : 0u));
  });
}

BOOST_AUTO_TEST_CASE(a_callback_gets_the_item_and_its_slot_cancels_the_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<token> q;
    std::string end;
    const auto handler = [&](std::exception_ptr error, auto item) {
      end = error ? support::shape(error) : std::to_string((*item).number());
    };
    q.get()(handler);
    co_await testing::passes(1);
    q.put_nowait(token(1));
    co_await testing::passes(2);
    BOOST_TEST(end == "1");
    end.clear();
    boost::asio::cancellation_signal signal;
    q.get()(boost::asio::bind_cancellation_slot(signal.slot(), handler));
    auto other = create_task(q.get());
    co_await testing::passes(2);
    BOOST_TEST(q.statistics().getters == 2u);
    signal.emit(boost::asio::cancellation_type::all);
    q.put_nowait(token(2));
    co_await testing::passes(2);
    BOOST_TEST(end == "Cancelled()");
    const token got = co_await other.get();
    BOOST_TEST(got.number() == 2);
    BOOST_TEST(q.statistics().getters == 0u);
  });
}
