// Cancel scopes in cancel scopes, and shields.
// SPDX-License-Identifier: BSL-1.0
#include "../support/children.hpp"
#include "../support/ends.hpp"
#include "../support/scopes.hpp"
#include "../support/ticker.hpp"

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using support::at;
using support::error_of;
using support::for_ever;
using support::shielded;
using support::trace;
using support::word;

// --- scopes in scopes ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(inner_scope_that_is_cancelled_ends_alone) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope inner;
    auto inside = [&](cancel_scope& scope) -> awaitable<void> {
      inner = scope;
      scope.cancel();
      co_await for_ever();
    };
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      const bool ended = co_await with_cancel_scope(inside);
      BOOST_TEST(!ended);
      BOOST_TEST(inner.cancelled_caught());
      BOOST_TEST(!outer.cancel_called());
      co_await sleep(1s);
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(ended);
  });
}

BOOST_AUTO_TEST_CASE(cancellation_of_the_outer_scope_passes_through_the_inner_one) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    cancel_scope outer;
    cancel_scope inner;
    auto inside = [&](cancel_scope& scope) -> awaitable<void> {
      inner = scope;
      get_running_loop().call_later(1s, [&] { outer.cancel("outer"); });
      log.push_back(co_await error_of(for_ever()));
      BOOST_TEST(!scope.cancel_called()); // itself
      co_await for_ever();
    };
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      outer = scope;
      log.push_back(co_await error_of(with_cancel_scope(inside)));
      co_await for_ever();
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
    CHECK_TRACE(log, "cancelled outer", "cancelled outer");
    BOOST_TEST(outer.cancelled_caught());
    BOOST_TEST(!inner.cancelled_caught());
  });
}

BOOST_AUTO_TEST_CASE(of_two_cancelled_scopes_the_outer_one_ends_both) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool outer_first : {true, false}) {
      trace log;
      cancel_scope inner;
      auto body = [&](cancel_scope& outer) -> awaitable<void> {
        auto inside = [&](cancel_scope& scope) -> awaitable<void> {
          inner = scope;
          if (outer_first) outer.cancel("outer");
          scope.cancel("inner");
          outer.cancel("outer");
          log.push_back(co_await error_of(for_ever()));
          co_await for_ever();
        };
        co_await with_cancel_scope(inside);
        log.push_back("not reached");
      };
      const bool ended = co_await with_cancel_scope(body);
      log.push_back(word(ended));
      CHECK_TRACE(log, "cancelled inner", "cut"); // the reason is that of the nearest
      BOOST_TEST(inner.cancel_called());
      BOOST_TEST(!inner.cancelled_caught());
    }
  });
}

BOOST_AUTO_TEST_CASE(outer_scope_that_is_cancelled_after_the_inner_ones_exception_left_its_body_ends_both) {
  testing::run_virtual([]() -> awaitable<void> {
    cancel_scope inner;
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      auto inside = [&](cancel_scope& scope) -> awaitable<void> {
        inner = scope;
        scope.cancel();
        struct at_end {
          cancel_scope& outer;
          ~at_end() { outer.cancel(); }
        } const guard{outer};
        co_await for_ever();
      };
      co_await with_cancel_scope(inside);
      BOOST_ERROR("not reached");
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
    BOOST_TEST(!inner.cancelled_caught());
  });
}

BOOST_AUTO_TEST_CASE(scope_that_begins_in_a_cancelled_one_is_cancelled_too) {
  testing::run_virtual([]() -> awaitable<void> {
    int steps = 0;
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      outer.cancel();
      auto inside = [&]() -> awaitable<void> {
        ++steps;
        co_await sleep(0s);
        ++steps;
      };
      co_await with_cancel_scope(inside);
      ++steps;
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
    BOOST_TEST(steps == 1);
  });
}

BOOST_AUTO_TEST_CASE(earliest_of_nested_deadlines_counts) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto inner_first = [&]() -> awaitable<void> {
      const bool ended = co_await move_on_after(1s, &for_ever);
      log.push_back(word(ended));
      co_await for_ever();
    };
    bool ended = co_await move_on_after(3s, inner_first);
    log.push_back(word(ended));
    BOOST_TEST((clock::now() == at(3s)));
    auto outer_first = [&]() -> awaitable<void> {
      co_await fail_after(5s, &for_ever);
      log.push_back("not reached");
    };
    ended = co_await move_on_after(1s, outer_first);
    log.push_back(word(ended));
    BOOST_TEST((clock::now() == at(4s)));
    CHECK_TRACE(log, "cut", "cut", "cut");
  });
}

BOOST_AUTO_TEST_CASE(fail_after_inside_a_scope_that_is_cancelled_gives_no_timeout) {
  testing::run_virtual([]() -> awaitable<void> {
    std::string text;
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      outer.cancel("outer");
      text = co_await error_of(fail_after(-1s, &for_ever));
    };
    co_await with_cancel_scope(body);
    BOOST_TEST(text == "cancelled the deadline of the scope has passed"); // on its way to the outer scope
  });
}

BOOST_AUTO_TEST_CASE(deep_nesting) {
  testing::run_virtual([]() -> awaitable<void> {
    struct nest {
      static awaitable<void> of(int depth, cancel_scope& cancelled, int& left) {
        if (depth == 0) {
          cancelled.cancel();
          co_await for_ever();
        }
        auto inside = [&](cancel_scope& scope) -> awaitable<void> {
          if (depth == 50) cancelled = scope;
          co_await of(depth - 1, cancelled, left);
        };
        const bool ended = co_await with_cancel_scope(inside);
        ++left;
        BOOST_TEST(ended == (depth > 50));
      }
    };
    cancel_scope cancelled;
    int left = 0;
    co_await nest::of(100, cancelled, left);
    BOOST_TEST(left == 51); // the one at 50 and those outside of it
  });
}

// --- shields -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(shield_in_a_cancelled_scope_lets_clean_up_wait) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      outer.cancel("outer");
      log.push_back(co_await error_of(sleep(1s)));
      auto clean_up = [&](cancel_scope& scope) -> awaitable<void> {
        BOOST_TEST(scope.shield());
        co_await sleep(2s);
        auto t = create_task(sleep(1s));
        co_await t.get();
        auto deeper = []() -> awaitable<void> { co_await sleep(1s); };
        co_await with_cancel_scope(deeper);
      };
      const bool ended = co_await with_cancel_scope(shielded(), clean_up);
      log.push_back(word(ended));
      log.push_back(co_await error_of(sleep(0s)));
    };
    co_await with_cancel_scope(body);
    CHECK_TRACE(log, "cancelled outer", "ended", "cancelled outer");
    BOOST_TEST((clock::now() == at(4s)));
  });
}

BOOST_AUTO_TEST_CASE(shield_does_not_hide_the_scopes_own_cancellation) {
  testing::run_virtual([]() -> awaitable<void> {
    auto body = [](cancel_scope& outer) -> awaitable<void> {
      outer.cancel("outer");
      std::string text;
      auto clean_up = [&](cancel_scope& scope) -> awaitable<void> {
        text = co_await error_of(sleep(100s));
        scope.cancel();
        co_await for_ever();
      };
      const bool ended = co_await with_cancel_scope(shielded().deadline(at(5s)), clean_up);
      BOOST_TEST(!ended); // its own, so it goes no further
      BOOST_TEST(text == "cancelled the deadline of the scope has passed");
      BOOST_TEST((clock::now() == at(5s)));
      co_await for_ever();
    };
    const bool ended = co_await with_cancel_scope(body);
    BOOST_TEST(!ended);
  });
}

BOOST_AUTO_TEST_CASE(shield_hides_all_scopes_outside_of_it_but_not_those_inside) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& outermost) -> awaitable<void> {
      auto middle = [&](cancel_scope& outer) -> awaitable<void> {
        auto protected_part = [&]() -> awaitable<void> {
          outermost.cancel();
          outer.cancel();
          co_await sleep(1s);
          log.push_back("slept");
          auto inside = [](cancel_scope& inner) -> awaitable<void> {
            inner.cancel();
            co_await for_ever();
          };
          const bool ended = co_await with_cancel_scope(inside);
          log.push_back(word(ended));
          co_await sleep(1s);
          log.push_back("slept");
        };
        co_await with_cancel_scope(shielded(), protected_part);
        log.push_back("left the shield");
        co_await sleep(0s);
      };
      co_await with_cancel_scope(middle);
      log.push_back("not reached");
    };
    const bool ended = co_await with_cancel_scope(body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "slept", "cut", "slept", "left the shield", "cut");
  });
}

BOOST_AUTO_TEST_CASE(shield_can_be_lifted_and_raised_while_the_body_waits) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    cancel_scope guard;
    cancel_scope outer;
    get_running_loop().call_later(1s, [&] { outer.cancel("outer"); });
    get_running_loop().call_later(2s, [&] { guard.shield(false); });
    get_running_loop().call_later(2s, [&] { guard.shield(true); }); // what was sent is not called back
    get_running_loop().call_later(5s, [&] { guard.shield(false); });
    auto clean_up = [&](cancel_scope& scope) -> awaitable<void> {
      guard = scope;
      log.push_back(co_await error_of(for_ever()));
      BOOST_TEST((clock::now() == at(2s)));
      log.push_back(co_await error_of(sleep(1s)));
      log.push_back(co_await error_of(for_ever()));
      BOOST_TEST((clock::now() == at(5s)));
      log.push_back(co_await error_of(for_ever()));
      co_await for_ever();
    };
    auto body = [&](cancel_scope& scope) -> awaitable<void> {
      outer = scope;
      co_await with_cancel_scope(shielded(), clean_up);
      log.push_back("not reached");
    };
    const bool ended = co_await with_cancel_scope(body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "cancelled outer", "none", "cancelled outer", "cancelled outer", "cut");
    BOOST_TEST(!guard.cancelled_caught());
  });
}

BOOST_AUTO_TEST_CASE(deadline_that_passes_behind_a_shield_comes_when_that_is_lifted) {
  testing::run_virtual([]() -> awaitable<void> {
    trace log;
    auto body = [&](cancel_scope& outer) -> awaitable<void> {
      auto clean_up = [&](cancel_scope& scope) -> awaitable<void> {
        co_await sleep(3s);
        BOOST_TEST(outer.cancel_called());
        scope.shield(false);
        log.push_back(co_await error_of(sleep(3s)));
        scope.shield(true);
        log.push_back(co_await error_of(sleep(3s)));
      };
      co_await with_cancel_scope(shielded(), clean_up);
      log.push_back("left the shield");
      co_await sleep(0s);
    };
    const bool ended = co_await move_on_after(1s, body);
    log.push_back(word(ended));
    CHECK_TRACE(log, "cancelled the deadline of the scope has passed", "none", "left the shield", "cut");
    BOOST_TEST((clock::now() == at(6s)));
  });
}

BOOST_AUTO_TEST_CASE(what_the_shield_says_at_the_end_of_the_block_decides_who_catches) {
  testing::run_virtual([]() -> awaitable<void> {
    for (const bool shield_at_end : {true, false}) {
      cancel_scope inner;
      bool went_on = false;
      auto body = [&](cancel_scope& outer) -> awaitable<void> {
        auto inside = [&](cancel_scope& scope) -> awaitable<void> {
          inner = scope;
          outer.cancel();
          scope.cancel();
          scope.shield(shield_at_end);
          co_await for_ever();
        };
        co_await with_cancel_scope(inside);
        went_on = true;
      };
      co_await with_cancel_scope(body);
      BOOST_TEST(inner.cancelled_caught() == shield_at_end);
      BOOST_TEST(went_on == shield_at_end);
    }
  });
}
