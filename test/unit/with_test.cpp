// with: entering, leaving, and what happens to exceptions on the way.
// SPDX-License-Identifier: BSL-1.0
#include "../support/ends.hpp"

#include <rondo/async_generator.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/with.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using namespace rondo;
using namespace std::chrono_literals;
using support::error_of;
using support::starts_with;
using support::text_of;
using support::trace;
using support::witness;

namespace {

/// Writes down what is done to it; each step takes a second.
class noisy {
public:
  noisy(trace& t, std::string name) : log_(&t), name_(std::move(name)) {}

  std::string fails_to_enter;
  std::string fails_to_exit;
  bool swallows = false;

  const std::string& name() const { return name_; }

  awaitable<void> aenter() {
    co_await sleep(1s);
    if (!fails_to_enter.empty()) throw std::runtime_error(fails_to_enter);
    log_->push_back("enter " + name_);
  }
  awaitable<bool> aexit(std::exception_ptr error) {
    co_await sleep(1s);
    log_->push_back("exit " + name_ + ": " + text_of(error));
    if (!fails_to_exit.empty()) throw std::runtime_error(fails_to_exit);
    co_return swallows;
  }

private:
  trace* log_;
  std::string name_;
};

} // namespace

// --- entering ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(resources_are_entered_in_order_and_left_in_reverse) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    noisy b(log, "b");
    auto value =
        co_await with(noisy(log, "a"), b, noisy(log, "c"), [&](noisy& x, noisy& y, noisy& z) -> awaitable<int> {
          BOOST_TEST(&y == &b);
          co_await sleep(1s);
          log.push_back(x.name() + y.name() + z.name());
          co_return 7;
        });
    BOOST_TEST(value == 7);
    CHECK_TRACE(log, "enter a", "enter b", "enter c", "abc", "exit c: none", "exit b: none", "exit a: none");
    BOOST_TEST((clock::now().time_since_epoch() == 7s));
  });
}

BOOST_AUTO_TEST_CASE(the_body_may_be_plain_and_may_take_nothing) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    const int a = co_await with(noisy(log, "a"), [&](noisy&) { return 1; });
    const int b = co_await with(noisy(log, "b"), [&] { return 2; });
    co_await with(noisy(log, "c"), [&]() -> awaitable<void> { co_return; });
    BOOST_TEST(a + b == 3);
    BOOST_TEST(log.size() == 6u);
  });
}

BOOST_AUTO_TEST_CASE(the_body_gets_what_aenter_gives) {
  struct by_value {
    awaitable<std::unique_ptr<int>> aenter() {
      co_await sleep(1s);
      co_return std::make_unique<int>(1);
    }
  };
  struct by_reference {
    int& aenter() { return number; }
    int number = 2;
  };
  struct plain {
    std::string aenter() const { return "three"; }
  };
  struct operation {
    auto aenter() const { return sleep(1s, 4); }
  };
  struct shared_task {
    task<std::string> aenter() { return create_task(sleep(1s, std::string("five"))); }
  };
  testing::run_virtual([]() -> awaitable<void> {
    by_reference r;
    const plain p;
    shared_task t;
    auto body = [&](std::unique_ptr<int>& a, int& b, std::string& c, int& d, std::string& e) -> awaitable<std::string> {
      co_await sleep(1s);
      b = 20;
      c += "!";
      co_return std::to_string(*a) + c + std::to_string(d) + e;
    };
    const std::string all = co_await with(by_value(), r, p, operation(), t, body);
    BOOST_TEST(all == "1three!4five");
    BOOST_TEST(r.number == 20);
  });
}

BOOST_AUTO_TEST_CASE(exits_may_be_plain_and_without_argument) {
  class counting {
  public:
    explicit counting(int& n) : n_(n) {}
    void aenter() { ++n_; }
    void aexit() { n_ += 10; }

  private:
    int& n_;
  };
  class only_exit {
  public:
    explicit only_exit(trace& t) : log_(t) {}
    void aexit(const std::exception_ptr& e) { log_.push_back(text_of(e)); }

  private:
    trace& log_;
  };
  class waits {
  public:
    explicit waits(trace& t) : log_(t) {}
    auto aexit() {
      log_.push_back("waits");
      return sleep(5s);
    }

  private:
    trace& log_;
  };
  testing::run_virtual([]() -> awaitable<void> {
    int n = 0;
    trace log;
    const std::string error = co_await error_of(with(counting(n), only_exit(log), waits(log), [&] {
      BOOST_TEST(n == 1);
      throw std::runtime_error("body");
    }));
    BOOST_TEST(error == "body");
    BOOST_TEST(n == 11);
    CHECK_TRACE(log, "waits", "body");
    BOOST_TEST((clock::now().time_since_epoch() == 5s));
  });
}

BOOST_AUTO_TEST_CASE(owned_resources_and_entered_values_live_until_everything_has_been_left) {
  class owner {
  public:
    owner(trace& t, std::string n) : log_(&t), gone_(t, n + " gone"), name_(std::move(n)) {}
    awaitable<witness> aenter() { co_return witness(*log_, "value of " + name_ + " gone"); }
    awaitable<void> aexit() {
      co_await sleep(1s);
      log_->push_back("exit " + name_);
    }

  private:
    trace* log_;
    witness gone_;
    std::string name_;
  };
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    co_await with(owner(log, "a"), [&](witness& w) -> awaitable<void> {
      co_await sleep(1s);
      log.push_back("body of " + w.name);
    });
    CHECK_TRACE(log, "body of value of a gone", "exit a", "value of a gone", "a gone");
  });
}

BOOST_AUTO_TEST_CASE(a_resource_that_cannot_be_entered_leaves_the_earlier_ones_only) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    noisy b(log, "b");
    b.fails_to_enter = "no b";
    auto body = [&] { log.push_back("body"); };
    const std::string error = co_await error_of(with(noisy(log, "a"), b, noisy(log, "c"), body));
    BOOST_TEST(error == "no b");
    CHECK_TRACE(log, "enter a", "exit a: no b");
  });
}

// --- exceptions ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_exception_of_the_body_reaches_every_exit_and_the_caller) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&]() -> awaitable<int> {
      co_await sleep(1s);
      throw std::invalid_argument("body");
    };
    const std::string error = co_await error_of(with(noisy(log, "a"), noisy(log, "b"), body));
    BOOST_TEST(error == "body");
    CHECK_TRACE(log, "enter a", "enter b", "exit b: body", "exit a: body");
  });
}

BOOST_AUTO_TEST_CASE(an_exception_of_an_exit_replaces_the_current_one) {
  testing::run_virtual([]() -> awaitable<void> {
    for (bool body_fails : {false, true}) {
      trace log;
      noisy a(log, "a"), b(log, "b");
      b.fails_to_exit = "exit b failed";
      const std::string error = co_await error_of(with(a, b, [&] {
        if (body_fails) throw std::runtime_error("body");
      }));
      BOOST_TEST(error == "exit b failed");
      CHECK_TRACE(log, "enter a", "enter b", body_fails ? "exit b: body" : "exit b: none", "exit a: exit b failed");
    }
  });
}

BOOST_AUTO_TEST_CASE(an_exit_that_returns_true_swallows_the_exception) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    noisy a(log, "a"), b(log, "b");
    b.swallows = true;
    co_await with(a, b, [&] { throw std::runtime_error("body"); });
    CHECK_TRACE(log, "enter a", "enter b", "exit b: body", "exit a: none");
    // Without an exception there is nothing to swallow.
    const int value = co_await with(b, [&] { return 5; });
    BOOST_TEST(value == 5);
  });
}

BOOST_AUTO_TEST_CASE(a_swallowed_exception_leaves_an_empty_optional_or_an_error_that_says_so) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    noisy a(log, "a");
    a.swallows = true;
    const auto fails = [](bool b) {
      if (b) throw std::invalid_argument("body");
    };
    auto maybe = [&](bool fail) {
      return with(a, [&fails, fail]() -> std::optional<int> {
        fails(fail);
        return 1;
      });
    };
    const auto full = co_await maybe(false);
    const auto empty = co_await maybe(true);
    BOOST_TEST(full.value() == 1);
    BOOST_TEST(!empty.has_value());
    auto certain = with(a, [&]() -> int {
      fails(true);
      return 1;
    });
    const auto outcome = co_await settle(std::move(certain));
    const auto* error = outcome.error_as<std::runtime_error>();
    BOOST_TEST_REQUIRE(error);
    BOOST_TEST(starts_with(error->what(), "with: an exit swallowed the exception"), error->what());
    const auto* nested = outcome.error_as<std::nested_exception>();
    BOOST_TEST_REQUIRE(nested);
    BOOST_TEST(text_of(nested->nested_ptr()) == "body");
  });
}

// --- cancellation --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(exits_await_when_the_task_was_cancelled) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&]() -> awaitable<void> { co_await sleep(1h); };
    auto t = create_task(with(noisy(log, "a"), noisy(log, "b"), body));
    co_await sleep(10s);
    t.cancel("enough");
    const std::string error = co_await error_of(t.get());
    BOOST_TEST(error == "cancelled enough");
    CHECK_TRACE(log, "enter a", "enter b", "exit b: cancelled enough", "exit a: cancelled enough");
    BOOST_TEST((clock::now().time_since_epoch() == 12s));
  });
}

BOOST_AUTO_TEST_CASE(a_cancel_at_each_await_leaves_what_was_entered) {
  // Enter 1 s, enter 2 s, body 3 s, exit 4 s, exit 5 s; the cancel comes in the middle of each second.
  for (int second = 0; second < 5; ++second) {
    testing::run_virtual([second]() -> awaitable<void> {
      trace log;
      auto body = [&]() -> awaitable<void> {
        co_await sleep(1s);
        log.push_back("body");
      };
      auto t = create_task(with(noisy(log, "a"), noisy(log, "b"), body));
      co_await sleep(second * 1s + 500ms);
      t.cancel("x");
      co_await settle(t);
      BOOST_TEST(t.cancelled());
      switch (second) {
      case 0:
        BOOST_TEST(log.empty());
        break;
      case 1:
        CHECK_TRACE(log, "enter a", "exit a: cancelled x");
        break;
      case 2:
        CHECK_TRACE(log, "enter a", "enter b", "exit b: cancelled x", "exit a: cancelled x");
        break;
      case 3: // b's own clean-up is interrupted, as in asyncio
        CHECK_TRACE(log, "enter a", "enter b", "body", "exit a: cancelled x");
        break;
      case 4:
        CHECK_TRACE(log, "enter a", "enter b", "body", "exit b: none");
        break;
      }
    });
  }
}

// --- generators ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_generator_is_closed_at_the_end) {
  testing::run_virtual([]() -> awaitable<void> {
    for (bool fails : {false, true}) {
      trace log;
      auto numbers = [](trace& t) -> async_generator<int> {
        std::exception_ptr stopped;
        try {
          for (int i = 1;; ++i)
            co_yield i;
        } catch (...) {
          stopped = std::current_exception();
        }
        co_await sleep(1s);
        t.push_back("clean after " + text_of(stopped));
        std::rethrow_exception(stopped);
      };
      auto body = [&](async_generator<int>& g) -> awaitable<int> {
        int sum = 0;
        while (sum < 6)
          if (auto i = co_await g.next()) sum += *i;
        if (fails) throw std::runtime_error("body");
        co_return sum;
      };
      auto outcome = co_await settle(with(numbers(log), body));
      CHECK_TRACE(log, "clean after generator_exit");
      if (fails)
        BOOST_TEST(text_of(outcome.error()) == "body");
      else
        BOOST_TEST(outcome.value() == 6);
    }
  });
}
