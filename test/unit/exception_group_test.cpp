// exception_group: several exceptions as one, taken apart as with except*.
// SPDX-License-Identifier: BSL-1.0
#include "../support/expect.hpp"

#include <rondo/exception_group.hpp>

#include <boost/test/unit_test.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

using namespace rondo;
using support::contains;
using support::thrown;

static_assert(std::is_base_of_v<std::exception, exception_group>);
static_assert(std::is_nothrow_copy_constructible_v<exception_group>, "what can be thrown safely can be copied safely");

namespace {

template <class E>
std::exception_ptr make(const char* text) {
  return std::make_exception_ptr(E(text));
}

std::exception_ptr nested(std::string message, std::vector<std::exception_ptr> errors) {
  return std::make_exception_ptr(exception_group(std::move(message), std::move(errors)));
}

exception_group group_in(const std::exception_ptr& error) {
  BOOST_REQUIRE(error);
  try {
    std::rethrow_exception(error);
  } catch (const exception_group& group) {
    return group;
  } catch (...) {
    throw std::runtime_error("not a group");
  }
}

/// The shape of a group in one line: "outer(boom, inner(x))".
std::string shape(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const exception_group& group) {
    std::string text;
    for (const std::exception_ptr& member : group)
      text += (text.empty() ? "" : ", ") + shape(member);
    return group.message() + "(" + text + ")";
  } catch (const std::exception& e) {
    return e.what();
  } catch (const cancelled_error& e) {
    return "cancelled " + e.message();
  }
}

/// a runtime_error, a logic_error and a group of both kinds.
exception_group mixed() {
  return exception_group("outer", {make<std::runtime_error>("r1"), make<std::logic_error>("l1"),
                                   nested("inner", {make<std::logic_error>("l2"), make<std::runtime_error>("r2")}),
                                   nested("logic", {make<std::logic_error>("l3")})});
}

} // namespace

// --- making one --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_group_keeps_its_message_and_the_very_exceptions) {
  const auto first = make<std::runtime_error>("a");
  const auto second = make<std::logic_error>("b");
  const exception_group group("two", {first, second});
  BOOST_TEST(group.message() == "two");
  BOOST_TEST(group.size() == 2u);
  BOOST_TEST((group.exceptions() == std::vector{first, second}));
  BOOST_TEST((std::vector(group.begin(), group.end()) == std::vector{first, second}));
}

BOOST_AUTO_TEST_CASE(a_group_without_exceptions_is_refused) {
  BOOST_TEST(contains(thrown<std::invalid_argument>([] { exception_group("none", {}); }), "at least one"));
}

BOOST_AUTO_TEST_CASE(a_group_with_a_null_pointer_is_refused) {
  BOOST_TEST(
      contains(thrown<std::invalid_argument>([] { exception_group("null", {make<std::runtime_error>("x"), nullptr}); }),
               "null"));
}

BOOST_AUTO_TEST_CASE(copies_share_the_members) {
  const exception_group group("one", {make<std::runtime_error>("a")});
  const exception_group copy = group;
  BOOST_TEST(&copy.exceptions() == &group.exceptions());
  BOOST_TEST(copy.what() == group.what());
}

BOOST_AUTO_TEST_CASE(what_stays_valid_while_a_copy_lives) {
  const char* text = nullptr;
  std::exception_ptr kept;
  {
    const exception_group group("gone", {make<std::runtime_error>("boom")});
    kept = std::make_exception_ptr(group);
    text = group.what();
  }
  BOOST_TEST(contains(text, "boom"));
}

// --- what() ------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_lists_the_members_with_their_types) {
  const exception_group group("unhandled errors in a TaskGroup",
                              {make<std::runtime_error>("boom"), make<std::logic_error>("bang")});
  BOOST_TEST(std::string(group.what()) == "unhandled errors in a TaskGroup (2 sub-exceptions)\n"
                                          "  +- std::runtime_error: boom\n"
                                          "  +- std::logic_error: bang");
}

BOOST_AUTO_TEST_CASE(what_indents_nested_groups_and_texts_of_several_lines) {
  const exception_group group(
      "outer", {nested("inner", {make<std::runtime_error>("one\ntwo")}), make<std::runtime_error>("last")});
  BOOST_TEST(std::string(group.what()) == "outer (2 sub-exceptions)\n"
                                          "  +- exception_group: inner (1 sub-exception)\n"
                                          "     +- std::runtime_error: one\n"
                                          "        two\n"
                                          "  +- std::runtime_error: last");
}

BOOST_AUTO_TEST_CASE(what_describes_members_that_are_no_std_exception) {
  const exception_group group("odd", {std::make_exception_ptr(cancelled_error("stop")), std::make_exception_ptr(7)});
  BOOST_TEST(contains(group.what(), "cancelled_error: stop"));
  BOOST_TEST(contains(group.what(), "+- int"));
}

// --- split and subgroup ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(split_finds_members_at_any_depth_and_keeps_the_nesting) {
  const auto [runtime, rest] = mixed().split<std::runtime_error>();
  BOOST_TEST(shape(runtime) == "outer(r1, inner(r2))");
  BOOST_TEST(shape(rest) == "outer(l1, inner(l2), logic(l3))");
}

BOOST_AUTO_TEST_CASE(split_gives_null_for_an_empty_half) {
  const auto [bad_alloc, all] = mixed().split<std::bad_alloc>();
  BOOST_TEST(!bad_alloc);
  BOOST_TEST(shape(all) == "outer(r1, l1, inner(l2, r2), logic(l3))");
  const auto [everything, nothing] = mixed().split<std::exception>();
  BOOST_TEST(!nothing);
  BOOST_TEST(shape(everything) == shape(all));
}

BOOST_AUTO_TEST_CASE(split_by_a_base_class_leaves_what_is_no_std_exception) {
  const exception_group group(
      "g", {make<std::runtime_error>("r"),
            nested("n", {std::make_exception_ptr(cancelled_error("c")), make<std::logic_error>("l")})});
  const auto [errors, rest] = group.split<std::exception>();
  BOOST_TEST(shape(errors) == "g(r, n(l))");
  BOOST_TEST(shape(rest) == "g(n(cancelled c))");
}

BOOST_AUTO_TEST_CASE(split_with_a_predicate_asks_about_leaves_only) {
  int asked = 0;
  const auto [with_1, rest] = mixed().split([&](const std::exception_ptr& e) {
    ++asked;
    return shape(e).ends_with('1');
  });
  BOOST_TEST(asked == 5);
  BOOST_TEST(shape(with_1) == "outer(r1, l1)");
  BOOST_TEST(shape(rest) == "outer(inner(l2, r2), logic(l3))");
}

BOOST_AUTO_TEST_CASE(split_keeps_the_identity_of_leaves_and_of_undivided_groups) {
  const auto leaf = make<std::runtime_error>("r");
  const auto undivided = nested("n", {make<std::logic_error>("l")});
  const auto [runtime, rest] = exception_group("g", {leaf, undivided}).split<std::runtime_error>();
  BOOST_TEST((group_in(runtime).exceptions() == std::vector{leaf}));
  BOOST_TEST((group_in(rest).exceptions() == std::vector{undivided}));
}

BOOST_AUTO_TEST_CASE(subgroup_is_the_first_half_of_split) {
  BOOST_TEST(shape(mixed().subgroup<std::logic_error>()) == "outer(l1, inner(l2), logic(l3))");
  BOOST_TEST(!mixed().subgroup<std::bad_alloc>());
  BOOST_TEST(shape(mixed().subgroup([](const std::exception_ptr& e) { return shape(e) == "r2"; })) ==
             "outer(inner(r2))");
}

// --- handle: except* ---------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(handle_calls_f_for_each_match_in_order_and_returns_the_rest) {
  std::vector<std::string> seen;
  const auto rest = mixed().handle<std::logic_error>([&](const std::logic_error& e) { seen.push_back(e.what()); });
  BOOST_TEST((seen == std::vector<std::string>{"l1", "l2", "l3"}));
  BOOST_TEST(shape(rest) == "outer(r1, inner(r2))");
}

BOOST_AUTO_TEST_CASE(handle_returns_null_when_everything_was_handled) {
  int seen = 0;
  BOOST_TEST(!mixed().handle<std::exception>([&](const std::exception&) { ++seen; }));
  BOOST_TEST(seen == 5);
}

BOOST_AUTO_TEST_CASE(handle_takes_types_that_are_no_std_exception) {
  const exception_group group("g", {std::make_exception_ptr(cancelled_error("c")), make<std::logic_error>("l")});
  std::string message;
  const auto rest = group.handle<cancelled_error>([&](const cancelled_error& e) { message = e.message(); });
  BOOST_TEST(message == "c");
  BOOST_TEST(shape(rest) == "g(l)");
}

BOOST_AUTO_TEST_CASE(handle_lets_an_exception_of_f_through) {
  const auto text = thrown<std::domain_error>([] {
    (void)mixed().handle<std::runtime_error>(
        [](const std::runtime_error& e) { throw std::domain_error(std::string("from f: ") + e.what()); });
  });
  BOOST_TEST(text == "from f: r1");
}

BOOST_AUTO_TEST_CASE(handle_exceptions_chains_like_several_except_clauses) {
  std::string seen;
  auto rest = handle_exceptions<std::runtime_error>(std::make_exception_ptr(mixed()),
                                                    [&](const std::runtime_error& e) { seen += e.what(); });
  rest = handle_exceptions<std::logic_error>(rest, [&](const std::logic_error& e) { seen += e.what(); });
  BOOST_TEST(!rest);
  BOOST_TEST(seen == "r1r2l1l2l3");
}

BOOST_AUTO_TEST_CASE(handle_exceptions_takes_a_lone_exception_as_a_group_of_one) {
  const auto lone = make<std::runtime_error>("alone");
  std::string seen;
  BOOST_TEST(!handle_exceptions<std::runtime_error>(lone, [&](const std::runtime_error& e) { seen = e.what(); }));
  BOOST_TEST(seen == "alone");
  BOOST_TEST((handle_exceptions<std::logic_error>(lone, [](const std::logic_error&) {}) == lone));
}

BOOST_AUTO_TEST_CASE(handle_exceptions_leaves_null_alone) {
  BOOST_TEST(!handle_exceptions<std::exception>(nullptr, [](const std::exception&) { throw 1; }));
}
