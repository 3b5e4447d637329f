// The replayer: what it refuses, and how a trace ends.
// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"
#include "program.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using conformance::parse_program;
using conformance::run_program;

namespace {

/// A program whose main has these statements.
std::string with_main(const std::string& statements, const std::string& objects = "") {
  return R"({"version": 1, "objects": {)" + objects + R"(}, "coroutines": {"main": [)" + statements + "]}}";
}

std::string refusal(const std::string& text) {
  try {
    parse_program(text);
  } catch (const conformance::invalid_program& e) {
    return e.what();
  }
  return "accepted";
}

std::string statement_refusal(const std::string& statements, const std::string& objects = "") {
  return refusal(with_main(statements, objects));
}

std::vector<std::string> trace(const std::string& text) { return run_program(parse_program(text)); }

} // namespace

BOOST_AUTO_TEST_CASE(a_program_that_is_no_program_is_refused) {
  BOOST_TEST(refusal("{").starts_with("program: "));
  BOOST_TEST(refusal("[]") == "program: a JSON object is expected");
  BOOST_TEST(refusal("{}") == "program: 'version' is missing");
  BOOST_TEST(refusal(R"({"version": 2})") == "version: only version 1 is known");
  BOOST_TEST(refusal(R"({"version": 1, "coroutines": {"a": []}})") == "coroutines: there is no coroutine 'main'");
  BOOST_TEST(refusal(R"({"version": 1, "coroutines": {"main": []}, "more": 1})") ==
             "program: 'more' is not known here");
  BOOST_TEST(refusal(R"({"version": 1, "coroutines": {"main": []}, "options": {"eager": 1}})") ==
             "options.eager: true or false is expected");
}

BOOST_AUTO_TEST_CASE(an_object_that_cannot_be_is_refused) {
  const auto refused = [](const std::string& object) { return statement_refusal("", "\"o\": " + object); };
  BOOST_TEST(refused(R"({"type": "mutex"})") == "objects.o: there is no type 'mutex'");
  BOOST_TEST(refused(R"({"type": "barrier"})") == "objects.o.parties: the number of parties is missing");
  BOOST_TEST(refused(R"({"type": "barrier", "parties": 0})") == "objects.o.parties: a barrier has at least one party");
  BOOST_TEST(refused(R"({"type": "semaphore", "value": -1})") ==
             "objects.o.value: a number that is not negative is expected");
  BOOST_TEST(refused(R"({"type": "event", "value": 1})") == "objects.o: 'value' is not known here");
  BOOST_TEST(refused(R"({"type": "condition", "lock": "l"})") ==
             "objects.o.lock: the name of a lock above is expected");
  BOOST_TEST(statement_refusal("", R"("main": {"type": "event"})") ==
             "coroutines.main: another thing has this name already");
}

BOOST_AUTO_TEST_CASE(a_statement_that_cannot_be_is_refused_with_its_place) {
  BOOST_TEST(statement_refusal(R"(["go"])") == "main.0: there is no statement 'go'");
  BOOST_TEST(statement_refusal(R"(["log", "x"], ["sleep"])") == "main.1: 'sleep' takes 1 argument");
  BOOST_TEST(statement_refusal(R"(["sleep", -1])") == "main.0: a number that is not negative is expected");
  BOOST_TEST(statement_refusal(R"(["sleep", 0.5])") == "main.0: an integer of 64 bits is expected");
  BOOST_TEST(statement_refusal(R"(["timeout", 1, [["ev_set", "e"]]])") == "main.0.body.0: there is no object 'e'");
  BOOST_TEST(statement_refusal(R"(["acquire", "e"])", R"("e": {"type": "event"})") ==
             "main.0: 'e' is of type event, with which this cannot be done");
  BOOST_TEST(statement_refusal(R"(["call_soon", "t", [["sleep", 1]]])") ==
             "main.0.t.0: 'sleep' cannot stand in a callback");
  BOOST_TEST(statement_refusal(R"(["spawn", "main", "main"])") ==
             "main.0: 'main' is a coroutine or an object, not a handle");
  BOOST_TEST(statement_refusal(R"(["call", "main"])") == "coroutines.main: a coroutine calls itself");
  BOOST_TEST(statement_refusal(R"(["wait_for", {"coro": "main"}, 1])") == "coroutines.main: a coroutine calls itself");
  BOOST_TEST(statement_refusal(R"(["put", "q", 1], ["put", "q", "a"])", R"("q": {"type": "priority_queue"})") ==
             "main.1: the values of a priority_queue are all numbers or all strings");
  BOOST_TEST(statement_refusal(R"(["try", {"body": [], "except": {"all": []}}])") ==
             "main.0: there is no kind 'all' of errors");
  BOOST_TEST(statement_refusal(R"(["wait", [], {"return_when": "NOW"}])") ==
             "main.0: return_when is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED");
  BOOST_TEST(statement_refusal(R"(["gather", [{"task": "t", "coro": "main"}]])") ==
             R"(main.0: a source is {"task": handle}, {"future": name} or {"coro": coroutine})");
}

BOOST_AUTO_TEST_CASE(a_trace_ends_with_finished_or_deadlock) {
  const std::vector<std::string> finished = {"0 main main.0 begin sleep", "5 main main.0 sleep ok none",
                                             "5 main main end returned none", "5 - finished"};
  BOOST_TEST(trace(with_main(R"(["sleep", 5])")) == finished, boost::test_tools::per_element());
  // Nothing that the deadlock leaves behind writes another line.
  const std::vector<std::string> deadlock = {"0 main main.0.body.0 begin ev_wait", "0 - deadlock"};
  BOOST_TEST(trace(with_main(R"(["try", {"body": [["ev_wait", "e"]], "finally": [["log", "unwound"]]}])",
                             R"("e": {"type": "event"})")) == deadlock,
             boost::test_tools::per_element());
}
