// Small programs of tasks that use one lock, semaphore, event, condition and barrier: their traces are compared with those
// that asyncio gives.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "ticker.hpp"

#include <rondo/barrier.hpp>
#include <rondo/condition.hpp>
#include <rondo/errors.hpp>
#include <rondo/event.hpp>
#include <rondo/lock.hpp>
#include <rondo/semaphore.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/timeout.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace support {

/// A program is "permits and parties|main|a|b|...": the scripts of the main task and of the others, a letter for each step:
///
///     L l      lock: acquire, release                     W s x      event: wait, set, clear
///     P p      bounded semaphore: acquire, release        N n m      condition of the lock: wait, notify(1), notify_all
///     B r a    barrier: wait, reset, abort                .          a pass of the loop
///     t        the next step in a timeout block           c0 e0      cancels the task a; ends the time of its block
///
/// An event of the trace is the pass, the task and the step, with its end: nothing, ! (cancelled), T (timeout), E
/// (runtime_error), V (invalid_argument), K (broken barrier), the number of a party. The script goes on after each. At the
/// end all tasks are cancelled; then come who is done (x) or waits (w), whether the lock is locked and who waits for it,
/// the permits, and who waits for the other things.
class sync_program {
public:
  explicit sync_program(std::vector<std::string> parts)
      : scripts_(parts.begin() + 1, parts.end()), scopes_(scripts_.size()), semaphore_(parts[0][0] - '0'),
        barrier_(parts[0][1] - '0') {}

  rondo::awaitable<std::string> run() {
    ticker tick(rondo::get_running_loop());
    tick_ = &tick;
    co_await rondo::testing::passes(1);
    for (std::size_t k = 1; k < scripts_.size(); ++k)
      tasks_.push_back(rondo::create_task(script(k)));
    tasks_.push_back(rondo::create_task(script(0)));
    co_await rondo::testing::passes(14);
    for (int round = 0; round < 8; ++round) { // a script goes on after a cancellation
      for (auto& t : tasks_)
        t.cancel();
      co_await rondo::testing::passes(2);
    }
    std::string who = "| ";
    for (auto& t : tasks_)
      who += t.done() ? 'x' : 'w';
    const auto count = [](const rondo::sync_statistics& s) { return std::to_string(s.waiters); };
    log_ += who + (lock_.locked() ? " locked " : " free ") + count(lock_.statistics()) + " " +
            std::to_string(semaphore_.value()) + "/" + count(semaphore_.statistics()) + " " +
            count(event_.statistics()) + " " + count(condition_.statistics()) + " " +
            std::to_string(barrier_.n_waiting()) + (barrier_.broken() ? "K" : "") + "/" + count(barrier_.statistics());
    co_return log_;
  }

private:
  void end_time(std::size_t k) {
    if (k + 1 >= scripts_.size() || !scopes_[k + 1]) return;
    try {
      scopes_[k + 1]->reschedule(rondo::clock::now());
    } catch (const std::runtime_error&) { // the block is over
    }
  }

  void cancel(std::size_t k) {
    if (k + 1 < scripts_.size()) tasks_[k].cancel();
  }

  /// A step that does not wait; false if there is no such one.
  bool call(char op, std::size_t argument) {
    switch (op) {
    case 'l':
      lock_.release();
      return true;
    case 'p':
      semaphore_.release();
      return true;
    case 's':
      event_.set();
      return true;
    case 'x':
      event_.clear();
      return true;
    case 'n':
      condition_.notify();
      return true;
    case 'm':
      condition_.notify_all();
      return true;
    case 'c':
      cancel(argument);
      return true;
    case 'e':
      end_time(argument);
      return true;
    default:
      return false;
    }
  }

  rondo::awaitable<std::string> wait(char op) {
    std::string number;
    switch (op) {
    case 'L':
      co_await lock_.acquire();
      break;
    case 'P':
      co_await semaphore_.acquire();
      break;
    case 'W':
      co_await event_.wait();
      break;
    case 'N':
      co_await condition_.wait();
      break;
    case 'B':
      number = std::to_string(co_await barrier_.wait());
      break;
    case 'r':
      co_await barrier_.reset();
      break;
    case 'a':
      co_await barrier_.abort();
      break;
    case '.':
      co_await rondo::testing::passes(1);
      break;
    default:
      throw std::logic_error(std::string("no step of a program: ") + op);
    }
    co_return number;
  }

  rondo::awaitable<std::string> timed(char op, std::size_t k) {
    std::string number;
    const auto body = [&](rondo::timeout_scope& scope) -> rondo::awaitable<void> {
      scopes_[k] = scope;
      number = co_await wait(op);
    };
    co_await rondo::with_timeout(std::nullopt, body);
    co_return number;
  }

  rondo::awaitable<void> script(std::size_t k) {
    const std::string text = scripts_[k];
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool limited = text[i] == 't';
      if (limited) ++i;
      const char op = text[i];
      const std::size_t argument = op == 'c' || op == 'e' ? static_cast<std::size_t>(text[++i] - '0') : 0;
      std::string end;
      try {
        if (!call(op, argument)) {
          if (limited)
            end = co_await timed(op, k);
          else
            end = co_await wait(op);
        }
      } catch (const rondo::cancelled_error&) {
        end = "!";
      } catch (const rondo::timeout_error&) {
        end = "T";
      } catch (const rondo::broken_barrier_error&) {
        end = "K";
      } catch (const std::invalid_argument&) {
        end = "V";
      } catch (const std::runtime_error&) {
        end = "E";
      }
      if (op == '.' && end.empty()) continue;
      log_ += std::to_string(tick_->now()) + (k == 0 ? 'm' : static_cast<char>('a' + k - 1)) + op + end + " ";
    }
  }

  std::vector<std::string> scripts_;
  std::vector<std::optional<rondo::timeout_scope>> scopes_;
  std::vector<rondo::task<void>> tasks_;
  ticker* tick_ = nullptr;
  std::string log_;
  rondo::lock lock_;
  rondo::bounded_semaphore semaphore_;
  rondo::event event_;
  rondo::condition condition_{lock_};
  rondo::barrier barrier_;
};

inline std::string run_sync_program(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == '|')
      parts.emplace_back();
    else
      parts.back() += c;
  sync_program p(std::move(parts));
  return rondo::testing::run_virtual(p.run());
}

} // namespace support
