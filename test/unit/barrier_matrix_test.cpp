// A barrier whose tasks are cancelled, run out of time, or meet an abort in the pass in which the last one comes.
// SPDX-License-Identifier: BSL-1.0
#include "../support/grant_matrix.hpp"

#include <rondo/barrier.hpp>
#include <rondo/sleep.hpp>

#include <boost/test/unit_test.hpp>

#include <fmt/format.h>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

using support::action;
using support::actions;
using support::ending;

/// A grant is the arrival of the one that is missing; close is an abort.
class round_of_a_barrier {
public:
  round_of_a_barrier(const actions& sequence, std::size_t tasks)
      : sequence_(sequence), barrier_(static_cast<std::ptrdiff_t>(tasks) + 1), endings_(tasks), scopes_(tasks) {}

  awaitable<void> run() {
    for (std::size_t i = 0; i < endings_.size(); ++i)
      tasks_.push_back(create_task(use(i)));
    co_await testing::settle_all();
    const auto when = rondo::clock::now() + 1s;
    for (const action& a : sequence_)
      arm(a, when);
    co_await sleep(2s);
    co_await testing::settle_all();
    check_round();
    if (barrier_.broken()) co_await barrier_.reset();
    co_await testing::settle_all();
    co_await fill_up();
    co_await one_more_round();
  }

private:
  awaitable<void> use(std::size_t i) {
    const auto body = [this, i](timeout_scope& scope) -> awaitable<void> {
      scopes_[i] = scope;
      co_await barrier_.wait();
    };
    try {
      co_await with_timeout(std::nullopt, body);
      endings_[i] = ending::got;
    } catch (const timeout_error&) {
      endings_[i] = ending::timed_out;
    } catch (const broken_barrier_error&) {
      endings_[i] = ending::refused;
    } catch (const cancelled_error&) {
      endings_[i] = ending::cancelled;
      throw;
    }
  }

  awaitable<void> arrive() {
    ++arrived_;
    try {
      co_await barrier_.wait();
      ++passed_;
    } catch (const broken_barrier_error&) {
      ++refused_;
    }
  }

  void arm(const action& a, rondo::clock::time_point when) {
    const auto loop = get_running_loop();
    switch (a.kind) {
    case 'G':
      loop.call_at(when, [this] { create_task(arrive(), task_options().eager(true)); });
      break;
    case 'C':
      loop.call_at(when, [t = tasks_[a.task]] { t.cancel(); });
      break;
    case 'T':
      scopes_[a.task].reschedule(when);
      break;
    case 'X':
      loop.call_at(when, [this] { create_task(barrier_.abort(), task_options().eager(true)); });
      break;
    }
  }

  long number_of(ending e) const { return std::count(endings_.begin(), endings_.end(), e); }
  long waiting() const { return number_of(ending::waiting) + arrived_ - passed_ - refused_; }

  void check_round() {
    for (std::size_t i = 0; i < endings_.size(); ++i) {
      const ending e = endings_[i];
      BOOST_TEST((e == ending::cancelled || e == ending::timed_out) == support::targeted(sequence_, i));
      BOOST_TEST((e != ending::refused || support::count_of(sequence_, 'X') > 0));
    }
    BOOST_TEST(waiting() == static_cast<long>(barrier_.n_waiting()));
    BOOST_TEST(barrier_.n_waiting() < barrier_.parties());
    // All that are not cancelled pass together, or none.
    if (support::count_of(sequence_, 'X') == 0 && passed_ > 0) BOOST_TEST(number_of(ending::waiting) == 0);
  }

  /// Those that still wait pass as soon as the ones that are missing come.
  awaitable<void> fill_up() {
    if (barrier_.n_waiting() == 0) co_return;
    for (std::size_t missing = barrier_.parties() - barrier_.n_waiting(); missing > 0; --missing)
      create_task(arrive());
    co_await testing::settle_all();
    BOOST_TEST(waiting() == 0);
  }

  awaitable<void> one_more_round() {
    BOOST_TEST(barrier_.n_waiting() == 0);
    const long before = passed_;
    for (std::size_t i = 0; i < barrier_.parties(); ++i) {
      BOOST_TEST(passed_ == before);
      create_task(arrive());
      co_await testing::settle_all();
    }
    BOOST_TEST(passed_ == before + static_cast<long>(barrier_.parties()));
  }

  const actions& sequence_;
  barrier barrier_;
  std::vector<ending> endings_;
  std::vector<timeout_scope> scopes_;
  std::vector<task<void>> tasks_;
  long arrived_ = 0;
  long passed_ = 0;
  long refused_ = 0;
};

} // namespace

BOOST_AUTO_TEST_CASE(granted_and_then_cancelled_of_barrier) {
  long cases = 0;
  for (std::size_t tasks = 1; tasks <= 4; ++tasks) {
    actions alphabet{{'G', 0}, {'X', 0}};
    for (std::size_t i = 0; i < tasks; ++i) {
      alphabet.push_back({'C', i});
      alphabet.push_back({'T', i});
    }
    support::for_all_sequences(alphabet, tasks <= 2 ? 4 : 3, [&](const actions& sequence) {
      ++cases;
      BOOST_TEST_CONTEXT(support::text(sequence, tasks)) {
        round_of_a_barrier b(sequence, tasks);
        testing::run_virtual([&] { return b.run(); });
      }
    });
  }
  fmt::print("of_barrier: {} cases\n", cases);
}
