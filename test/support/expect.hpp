// What several tests need: the text of an expected exception, places in test files, and a log that can be read.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/diagnostics.hpp>
#include <rondo/errors.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <mutex>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace support {

inline std::string text_of(const std::exception& e) { return e.what(); }
inline std::string text_of(const rondo::cancelled_error& e) { return e.message(); }

/// The text of the E that f() throws, or what happened instead, which no test expects.
template <class E, class F>
std::string thrown(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return text_of(e);
  } catch (const std::exception& e) {
    return std::string("<a different exception: ") + e.what() + ">";
  } catch (...) {
    return "<a different exception>";
  }
  return "<no exception>";
}

/// The text of the E behind a pointer, or what is there instead.
template <class E>
std::string text_in(const std::exception_ptr& error) {
  if (!error) return "<no exception>";
  return thrown<E>([&] { std::rethrow_exception(error); });
}

inline boost::test_tools::predicate_result contains(std::string_view text, std::string_view part) {
  boost::test_tools::predicate_result result(text.find(part) != std::string_view::npos);
  if (!result) result.message() << "there is no \"" << part << "\" in \"" << text << "\"";
  return result;
}

/// A line of the calling file as reports name it: "name_test.cpp:12".
inline std::string place(unsigned line, const std::source_location& here = std::source_location::current()) {
  std::string_view file = here.file_name();
  file.remove_prefix(file.find_last_of('/') + 1);
  return std::string(file) + ":" + std::to_string(line);
}

/// Takes the library's log for the time of a test.
class log_capture {
public:
  log_capture() : state_(std::make_shared<state>()) {
    rondo::set_log_sink([s = state_](std::string_view text) {
      std::lock_guard lock(s->mutex);
      s->lines.emplace_back(text);
    });
  }
  log_capture(const log_capture&) = delete;
  log_capture& operator=(const log_capture&) = delete;
  ~log_capture() { rondo::set_log_sink({}); }

  std::vector<std::string> reports() const {
    std::lock_guard lock(state_->mutex);
    return state_->lines;
  }
  std::size_t size() const { return reports().size(); }

  /// All reports in one text.
  std::string text() const {
    std::string all;
    for (const std::string& line : reports())
      all += line + "\n";
    return all;
  }

private:
  struct state {
    std::mutex mutex;
    std::vector<std::string> lines;
  };
  std::shared_ptr<state> state_;
};

} // namespace support
