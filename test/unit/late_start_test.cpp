// An executor that never runs anything at once: the coroutine of a new runner begins when its first task is there already.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/event_loop.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <utility>

using namespace rondo;
namespace asio = boost::asio;

namespace {

/// Whatever is asked of it, it posts.
class posting_executor {
public:
  explicit posting_executor(asio::io_context& context) noexcept : context_(&context) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept { return *context_; }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  posting_executor require(asio::execution::blocking_t::never_t) const noexcept { return *this; }

  template <class F>
  void execute(F&& f) const {
    asio::post(*context_, std::forward<F>(f));
  }

  bool operator==(const posting_executor&) const noexcept = default;

private:
  asio::io_context* context_;
};

} // namespace

BOOST_AUTO_TEST_CASE(a_task_whose_coroutine_begins_late_is_cancelled_as_any_other) {
  asio::io_context context(1);
  event_loop loop(asio::any_io_executor{posting_executor(context)});
  const auto body = []() -> awaitable<std::string> {
    try {
      co_await sleep(std::nullopt);
    } catch (const cancelled_error& e) {
      co_return e.message();
    }
    co_return "not cancelled";
  };
  const auto user = [&]() -> awaitable<std::string> {
    auto inner = create_task(body);
    for (int i = 0; i < 200; ++i) // more passes than a batch has
      co_await sleep(clock::duration::zero());
    inner.cancel("why");
    auto first = co_await inner.get();
    auto second = create_task(body); // in a runner that has idled
    for (int i = 0; i < 200; ++i)
      co_await sleep(clock::duration::zero());
    second.cancel("again");
    auto last = co_await second.get();
    co_return first + " " + last;
  };
  auto t = loop.create_task(user);
  context.run();
  BOOST_REQUIRE(t.done());
  BOOST_TEST(t.result() == "why again");
}
