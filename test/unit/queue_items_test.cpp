// Items whose operations throw: nothing is lost, the counts are right, and who waits is not forgotten.
// SPDX-License-Identifier: BSL-1.0
#include "../support/trace.hpp"

#include <rondo/queue.hpp>
#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace rondo;
using support::trace;

namespace {

/// Throws at the n-th step of some kind, counted from one; zero: never.
class fuse {
public:
  void set(int steps) noexcept { left_ = steps; }
  bool burnt() const noexcept { return left_ == 0; }
  void burn() {
    if (left_ > 0 && --left_ == 0) throw std::runtime_error("fuse");
  }

private:
  int left_ = -1;
};

fuse on_move, on_copy, on_compare;

void set_all(int moves, int copies, int comparisons) {
  on_move.set(moves);
  on_copy.set(copies);
  on_compare.set(comparisons);
}

/// An item whose copies and moves may throw, before they change anything. What was moved from holds 0.
template <bool copyable>
struct brittle {
  explicit brittle(int v) : value(v) {}
  brittle(const brittle& other)
    requires copyable
      : value((on_copy.burn(), other.value)) {}
  brittle(brittle&& other) : value((on_move.burn(), std::exchange(other.value, 0))) {}
  brittle& operator=(brittle&& other) {
    on_move.burn();
    value = std::exchange(other.value, 0);
    return *this;
  }

  int value;
};

/// An item whose moves do not throw.
struct steady {
  explicit steady(int v) : value(v) {}
  steady(steady&& other) noexcept : value(std::exchange(other.value, 0)) {}
  steady& operator=(steady&& other) noexcept {
    value = std::exchange(other.value, 0);
    return *this;
  }

  int value;
};

/// A comparison that may throw.
struct brittle_less {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    on_compare.burn();
    return a.value < b.value;
  }
};

using movable = brittle<false>;
using copyable = brittle<true>;

using queues =
    std::tuple<queue<movable>, lifo_queue<movable>, priority_queue<movable, brittle_less>, queue<copyable>,
               lifo_queue<copyable>, priority_queue<copyable, brittle_less>, priority_queue<steady, brittle_less>>;

template <class Queue>
using item_of = typename Queue::value_type;

/// Takes all items, sorted.
template <class Queue>
std::vector<int> drain(Queue& q) {
  set_all(-1, -1, -1);
  std::vector<int> all;
  while (auto item = q.try_get())
    all.push_back(item->value);
  std::sort(all.begin(), all.end());
  return all;
}

template <class Queue>
void fill(Queue& q, int n) {
  set_all(-1, -1, -1);
  for (int i = 1; i <= n; ++i)
    q.put_nowait(item_of<Queue>(i * 7 % n + 1)); // each number once, if n is no multiple of 7
}

std::vector<int> up_to(int n) {
  std::vector<int> all;
  for (int i = 1; i <= n; ++i)
    all.push_back(i);
  return all;
}

/// Calls f(kind, n) for each kind of step, n = 1, 2, ... until it returns false: the step did not come to pass.
template <class F>
void for_each_step(F f) {
  for (int kind = 0; kind < 3; ++kind)
    for (int n = 1;; ++n) {
      set_all(-1, -1, -1);
      BOOST_REQUIRE_LT(n, 1000);
      if (!f(kind == 0 ? on_move : kind == 1 ? on_copy : on_compare, n)) break;
    }
  set_all(-1, -1, -1);
}

} // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(a_put_that_throws_changes_nothing, Queue, queues) {
  for (const int size : {0, 1, 2, 8, 16, 31}) {
    for_each_step([&](fuse& f, int n) {
      Queue q;
      fill(q, size);
      item_of<Queue> item(-5); // goes to the front, past all
      f.set(n);
      bool thrown = false;
      try {
        q.put_nowait(std::move(item));
      } catch (const std::runtime_error&) {
        thrown = true;
      }
      BOOST_TEST(thrown == f.burnt());
      BOOST_TEST(item.value == (thrown ? -5 : 0));
      BOOST_TEST(q.qsize() == static_cast<std::size_t>(size + (thrown ? 0 : 1)));
      BOOST_TEST(q.statistics().unfinished == q.qsize());
      std::vector<int> expected = up_to(size);
      if (!thrown) expected.insert(expected.begin(), -5);
      BOOST_TEST(drain(q) == expected, boost::test_tools::per_element());
      return thrown;
    });
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(a_get_that_throws_takes_nothing, Queue, queues) {
  for (const int size : {1, 2, 3, 8, 16, 31}) {
    for (const bool optional : {false, true}) {
      for_each_step([&](fuse& f, int n) {
        Queue q;
        fill(q, size);
        f.set(n);
        bool thrown = false;
        int got = 0;
        try {
          if (optional)
            got = q.try_get()->value;
          else
            got = q.get_nowait().value;
        } catch (const std::runtime_error&) {
          thrown = true;
        }
        BOOST_TEST(thrown == f.burnt());
        BOOST_TEST(q.qsize() == static_cast<std::size_t>(size - (thrown ? 0 : 1)));
        std::vector<int> expected = up_to(size);
        if (!thrown) std::erase(expected, got);
        BOOST_TEST(drain(q) == expected, boost::test_tools::per_element());
        return thrown;
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(after_a_comparison_that_threw_the_order_is_right) {
  for_each_step([&](fuse& f, int n) {
    priority_queue<steady, brittle_less> q;
    fill(q, 20);
    f.set(n);
    bool thrown = false;
    try {
      for (int i = 0; i < 5; ++i) {
        q.put_nowait(steady(40 - i));
        q.get_nowait();
      }
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    set_all(-1, -1, -1);
    int last = 0;
    while (const auto item = q.try_get()) {
      BOOST_TEST(item->value > last);
      last = item->value;
    }
    return thrown;
  });
}

BOOST_AUTO_TEST_CASE(a_copy_that_throws_changes_nothing) {
  queue<copyable> q;
  copyable item(5);
  set_all(-1, 1, -1);
  BOOST_CHECK_THROW(q.put_nowait(item), std::runtime_error);
  set_all(-1, 1, -1);
  BOOST_CHECK_THROW((void)q.put(item), std::runtime_error);
  set_all(-1, 1, -1);
  BOOST_CHECK_THROW(q.try_put(item), std::runtime_error);
  BOOST_TEST(q.empty());
  BOOST_TEST(q.statistics().unfinished == 0u);
  BOOST_TEST(item.value == 5);
  set_all(-1, -1, -1);
}

// --- trap 19: asyncio forgets who waits when get or put throws (gh-108042) ------------------------------------------

BOOST_AUTO_TEST_CASE_TEMPLATE(trap_19_a_woken_getter_that_throws_wakes_the_next, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    if constexpr (!std::is_same_v<item_of<Queue>, steady>) {
      Queue q;
      auto first = create_task(q.next());
      trace log;
      const auto get = [&]() -> awaitable<void> {
        const auto item = co_await q.get();
        log.push_back(std::to_string(item.value));
      };
      auto second = create_task(get);
      co_await testing::passes(2);
      q.put_nowait(item_of<Queue>(1));
      on_move.set(1);
      co_await testing::passes(1);
      set_all(-1, -1, -1);
      auto s = co_await settle(first);
      BOOST_CHECK(s.template error_as<std::runtime_error>());
      co_await testing::passes(1);
      BOOST_TEST(second.done());
      CHECK_TRACE(log, "1");
    }
    co_return;
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(trap_19_a_woken_putter_that_throws_wakes_the_next, Queue, queues) {
  testing::run_virtual([]() -> awaitable<void> {
    Queue q(2);
    fill(q, 2);
    item_of<Queue> a(3), b(4);
    const auto put_a = [&]() -> awaitable<void> { co_await q.put(std::move(a)); };
    const auto put_b = [&]() -> awaitable<void> { co_await q.put(std::move(b)); };
    auto first = create_task(put_a);
    auto second = create_task(put_b);
    co_await testing::passes(2);
    q.get_nowait();
    on_move.set(1);
    on_compare.set(1);
    co_await testing::passes(1);
    set_all(-1, -1, -1);
    auto s = co_await settle(first);
    BOOST_CHECK(s.template error_as<std::runtime_error>());
    BOOST_TEST(a.value == 3);
    co_await testing::passes(1);
    BOOST_TEST(second.done());
    BOOST_TEST(b.value == 0);
    BOOST_TEST(q.qsize() == 2u);
    BOOST_TEST(q.statistics().unfinished == 3u);
  });
}

// --- kinds of items -------------------------------------------------------------------------------------------------

namespace {

struct job { // an aggregate that cannot be assigned
  const int priority;
  const std::string name;
  std::unique_ptr<int> payload;
};

struct by_priority {
  bool operator()(const job& a, const job& b) const noexcept { return a.priority < b.priority; }
};

} // namespace

BOOST_AUTO_TEST_CASE(items_need_no_assignment_no_copy_and_no_default) {
  testing::run_virtual([]() -> awaitable<void> {
    queue<job> first_in;
    lifo_queue<job> newest;
    priority_queue<job, by_priority> smallest;
    const auto use = [](auto& q) -> awaitable<std::string> {
      for (const int i : {2, 3, 1}) {
        job j{i, "job " + std::to_string(i), std::make_unique<int>(i)};
        co_await q.put(std::move(j));
      }
      std::string names;
      while (!q.empty()) {
        const job j = co_await q.get();
        names += std::to_string(*j.payload) + j.name.back();
      }
      co_return names;
    };
    const std::string a = co_await use(first_in);
    const std::string b = co_await use(newest);
    const std::string c = co_await use(smallest);
    BOOST_TEST(a == "223311");
    BOOST_TEST(b == "113322");
    BOOST_TEST(c == "112233");
  });
}

BOOST_AUTO_TEST_CASE(a_comparator_may_have_state_and_may_be_move_only) {
  struct by_distance {
    std::unique_ptr<int> from;
    bool operator()(int a, int b) { return std::abs(a - *from) < std::abs(b - *from); }
  };
  priority_queue<int, by_distance> q(0, by_distance{std::make_unique<int>(10)});
  for (const int i : {1, 9, 14, 12})
    q.put_nowait(i);
  std::string text;
  while (const auto i = q.try_get())
    text += std::to_string(*i) + " ";
  BOOST_TEST(text == "9 12 14 1 ");
}
