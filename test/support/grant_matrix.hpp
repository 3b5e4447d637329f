// All orders of grant, cancel, timeout and close in one pass of the loop, with 1 to 4 tasks that wait for a primitive.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <boost/test/unit_test.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

namespace support {

using namespace std::chrono_literals;

enum class ending { waiting, got, cancelled, timed_out, refused };

/// One thing that happens in the pass: 'G'rant, 'C'ancel a task, 'T'imeout of a task, 'X' close.
struct action {
  char kind;
  std::size_t task;
};
using actions = std::vector<action>;

inline std::string text(const actions& sequence, std::size_t tasks) {
  std::string s = fmt::format("{} tasks:", tasks);
  for (const action& a : sequence)
    s += a.kind == 'C' || a.kind == 'T' ? fmt::format(" {}{}", a.kind, a.task) : fmt::format(" {}", a.kind);
  return s;
}

inline bool targeted(const actions& sequence, std::size_t task) {
  return std::any_of(sequence.begin(), sequence.end(),
                     [task](const action& a) { return (a.kind == 'C' || a.kind == 'T') && a.task == task; });
}

inline long count_of(const actions& sequence, char kind) {
  return std::count_if(sequence.begin(), sequence.end(), [kind](const action& a) { return a.kind == kind; });
}

/// Each grant is for one: the tasks that nobody gave up, in the order of their arrival. Nothing is lost or doubled.
struct counted_grants {
  static constexpr bool one_each = true;
  long granted = 0;

  void take_back() {}
  void check(long got, long available) const { BOOST_TEST(got + available == granted); }
  void check_end() {}
};

/// There is one to have, and the driver has it at first: it can be granted when the driver has it.
struct owned : counted_grants {
  bool held = true;

  void take_back() { held = true; }
  void check(long got, long available) const { BOOST_TEST((got > 0) + available == (held ? 0 : 1)); }
};

/// As above, but what nobody waits for is lost, as it should be, and who is cancelled always wakes another: it cannot
/// know whether it had been notified.
struct notified {
  static constexpr bool one_each = true;

  void take_back() {}
  void check(long, long) const {}
  long available() const { return 0; }
  void check_end() {}
};

/// A grant is for all.
struct flagged : notified {
  static constexpr bool one_each = false;
};

/// Whether the time of a task runs out twice: it has one deadline, which would be moved.
inline bool times_out_twice(const actions& sequence) {
  for (std::size_t i = 0; i < sequence.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (sequence[i].kind == 'T' && sequence[j].kind == 'T' && sequence[i].task == sequence[j].task) return true;
  return false;
}

/// How many of those that are not targeted are woken, if all who are targeted wake another in the end.
inline std::size_t wake_ups(const actions& sequence, std::size_t tasks) {
  std::vector<std::size_t> line;
  for (std::size_t i = 0; i < tasks; ++i)
    line.push_back(i);
  std::size_t woken = 0;
  for (const action& a : sequence) {
    if (a.kind != 'G') {
      std::erase(line, a.task);
    } else if (!line.empty()) {
      if (!targeted(sequence, line.front())) ++woken;
      line.erase(line.begin());
    }
  }
  for (std::size_t i = 0; i < tasks; ++i)
    if (targeted(sequence, i)) ++woken;
  return woken;
}

template <class Case>
class scenario {
public:
  scenario(const actions& sequence, std::size_t tasks) : sequence_(sequence), endings_(tasks), scopes_(tasks) {}

  rondo::awaitable<void> run() {
    for (std::size_t i = 0; i < endings_.size(); ++i)
      tasks_.push_back(rondo::create_task(use(i)));
    co_await rondo::testing::settle_all();
    const auto when = rondo::clock::now() + 1s;
    for (const action& a : sequence_)
      arm(a, when);
    co_await rondo::sleep(2s);
    co_await rondo::testing::settle_all();
    check_pass();
    co_await serve_the_rest();
    for (const rondo::task<void>& t : tasks_) {
      t.cancel();
      co_await rondo::settle(t);
    }
  }

private:
  rondo::awaitable<void> use(std::size_t i) {
    const auto body = [this, i](rondo::timeout_scope& scope) -> rondo::awaitable<void> {
      scopes_[i] = scope;
      co_await case_.wait();
    };
    try {
      co_await rondo::with_timeout(std::nullopt, body);
      endings_[i] = ending::got;
      order_.push_back(i);
    } catch (const rondo::timeout_error&) {
      endings_[i] = ending::timed_out;
    } catch (const rondo::queue_shut_down&) {
      endings_[i] = ending::refused;
    } catch (const rondo::cancelled_error&) {
      endings_[i] = ending::cancelled;
      throw;
    }
  }

  // Timers of one time run in the order of their arming.
  void arm(const action& a, rondo::clock::time_point when) {
    const auto loop = rondo::get_running_loop();
    switch (a.kind) {
    case 'G':
      loop.call_at(when, [this] { case_.grant(); });
      break;
    case 'C':
      loop.call_at(when, [t = tasks_[a.task]] { t.cancel(); });
      break;
    case 'T':
      scopes_[a.task].reschedule(when);
      break;
    case 'X':
      if constexpr (Case::closes) loop.call_at(when, [this] { case_.close(); });
      break;
    }
  }

  long number_of(ending e) const { return std::count(endings_.begin(), endings_.end(), e); }
  long got() const { return number_of(ending::got); }
  bool closed() const { return count_of(sequence_, 'X') > 0; }

  std::vector<std::size_t> expected_winners() const {
    std::vector<std::size_t> live;
    for (std::size_t i = 0; i < endings_.size(); ++i)
      if (!targeted(sequence_, i)) live.push_back(i);
    auto grants = static_cast<std::size_t>(count_of(sequence_, 'G'));
    if constexpr (std::is_base_of_v<owned, Case>) grants = std::min<std::size_t>(grants, 1);
    if constexpr (std::is_base_of_v<notified, Case>) grants = wake_ups(sequence_, endings_.size());
    if constexpr (Case::one_each)
      live.resize(std::min(live.size(), grants));
    else if (count_of(sequence_, 'G') == 0)
      live.clear();
    return live;
  }

  void check_pass() {
    for (std::size_t i = 0; i < endings_.size(); ++i) {
      const ending e = endings_[i];
      BOOST_TEST((e == ending::cancelled || e == ending::timed_out) == targeted(sequence_, i));
      BOOST_TEST((e != ending::refused || closed()));
    }
    if (!closed()) BOOST_TEST(order_ == expected_winners(), boost::test_tools::per_element());
    check_counts();
  }

  void check_counts() {
    case_.check(got(), case_.available());
    if (case_.available() > 0 || closed()) BOOST_TEST(number_of(ending::waiting) == 0);
  }

  /// Those that wait still get theirs, one after the other.
  rondo::awaitable<void> serve_the_rest() {
    while (const long waiting = number_of(ending::waiting)) {
      const long before = got();
      if (before > 0) case_.take_back();
      case_.grant();
      co_await rondo::testing::settle_all();
      BOOST_TEST_REQUIRE(got() == (Case::one_each ? before + 1 : before + waiting));
      check_counts();
    }
    BOOST_TEST(std::is_sorted(order_.begin(), order_.end()));
    case_.check_end();
  }

  const actions& sequence_;
  Case case_;
  std::vector<ending> endings_;
  std::vector<rondo::timeout_scope> scopes_;
  std::vector<rondo::task<void>> tasks_;
  std::vector<std::size_t> order_;
};

/// Runs `f` with every sequence of 1 to `length` actions that can happen.
template <class F>
void for_all_sequences(const actions& alphabet, std::size_t length, const F& f) {
  std::vector<std::size_t> digits(1, 0);
  while (digits.size() <= length) {
    actions sequence;
    for (const std::size_t d : digits)
      sequence.push_back(alphabet[d]);
    if (!times_out_twice(sequence)) f(sequence);
    std::size_t i = 0;
    while (i < digits.size() && ++digits[i] == alphabet.size())
      digits[i++] = 0;
    if (i == digits.size()) digits.push_back(0);
  }
}

template <class Case>
void grant_matrix() {
  long cases = 0;
  for (std::size_t tasks = 1; tasks <= 4; ++tasks) {
    actions alphabet{{'G', 0}};
    if (Case::closes) alphabet.push_back({'X', 0});
    for (std::size_t i = 0; i < tasks; ++i) {
      alphabet.push_back({'C', i});
      alphabet.push_back({'T', i});
    }
    for_all_sequences(alphabet, tasks <= 2 ? 4 : 3, [&](const actions& sequence) {
      ++cases;
      BOOST_TEST_CONTEXT(text(sequence, tasks)) {
        scenario<Case> s(sequence, tasks);
        rondo::testing::run_virtual([&] { return s.run(); });
      }
    });
  }
  fmt::print("{}: {} cases\n", boost::unit_test::framework::current_test_case().p_name.get(), cases);
}

} // namespace support
