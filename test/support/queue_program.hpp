// Small programs of tasks that use one queue: their traces are compared with those that asyncio gives.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "ticker.hpp"

#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/queue.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/time.hpp>
#include <rondo/timeout.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace support {

/// A program is "kind and maxsize|main|a|b|...": the kind is Q, L (lifo) or P (priority: the number modulo 3), and then
/// come the scripts of the main task and of up to four others, a letter for each step:
///
///     g p          get; put of the next number          n q   get_nowait, put_nowait
///     G P          the same in a timeout block          d j   task_done, join
///     w W          the same in wait_for(..., 0)         s S   shutdown, immediate
///     .            a pass of the loop                   c0    cancels the task a; r0 ends the time of its block
///
/// An event of the trace is the pass, the task and the step, with its end: a number, F (full), E (empty), D (shut
/// down), T (timeout), V (ValueError), ! (cancelled); a pass leaves none. At the end: who is done (x) or waits (w); the
/// size, unfinished items, getters and putters when all were cancelled; the items that are left.
template <class Queue>
class queue_program {
public:
  queue_program(std::ptrdiff_t maxsize, std::vector<std::string> scripts)
      : queue_(maxsize), scripts_(std::move(scripts)), scopes_(scripts_.size()) {}

  rondo::awaitable<std::string> run() {
    ticker tick(rondo::get_running_loop());
    tick_ = &tick;
    co_await rondo::testing::passes(1);
    const std::size_t n = scripts_.size() - 1;
    for (std::size_t k = 1; k <= n; ++k)
      tasks_.push_back(rondo::create_task(script(k)));
    tasks_.push_back(rondo::create_task(script(0)));
    co_await rondo::testing::passes(14);
    std::string who;
    for (auto& t : tasks_)
      who += t.done() ? 'x' : 'w';
    for (auto& t : tasks_)
      t.cancel();
    co_await rondo::testing::passes(3);
    const auto s = queue_.statistics();
    log_ += who + " " + std::to_string(s.size) + "/" + std::to_string(s.unfinished) + "/" + std::to_string(s.getters) +
            "/" + std::to_string(s.putters) + " ";
    while (auto item = queue_.try_get())
      log_ += "," + std::to_string(*item);
    co_return log_;
  }

private:
  int next() { return ++value_; }

  rondo::awaitable<std::string> timed(char op, std::size_t k) {
    std::string result;
    const auto body = [&](rondo::timeout_scope& scope) -> rondo::awaitable<void> {
      scopes_[k] = scope;
      if (op == 'G')
        result = std::to_string(co_await queue_.get());
      else
        co_await queue_.put(next());
    };
    co_await rondo::with_timeout(std::nullopt, body);
    co_return result;
  }

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

  rondo::awaitable<std::string> step(char op, std::size_t k, std::size_t argument) {
    std::string result;
    switch (op) {
    case '.':
      co_await rondo::testing::passes(1);
      break;
    case 'g':
      result = std::to_string(co_await queue_.get());
      break;
    case 'p': {
      int item = next();
      co_await queue_.put(std::move(item));
      break;
    }
    case 'G':
    case 'P':
      result = co_await timed(op, k);
      break;
    case 'w':
      result = std::to_string(co_await rondo::wait_for(queue_.get(), rondo::clock::duration(0)));
      break;
    case 'W': {
      int item = next();
      co_await rondo::wait_for(queue_.put(std::move(item)), rondo::clock::duration(0));
      break;
    }
    case 'j':
      co_await queue_.join();
      break;
    case 'n':
      result = std::to_string(queue_.get_nowait());
      break;
    case 'q':
      queue_.put_nowait(next());
      break;
    case 'd':
      queue_.task_done();
      break;
    case 's':
    case 'S':
      queue_.shutdown(op == 'S');
      break;
    case 'c':
      cancel(argument);
      break;
    case 'r':
      end_time(argument);
      break;
    default:
      throw std::logic_error(std::string("no step of a program: ") + op);
    }
    co_return result;
  }

  rondo::awaitable<void> script(std::size_t k) {
    const std::string text = scripts_[k];
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char op = text[i];
      const std::size_t argument = op == 'c' || op == 'r' ? static_cast<std::size_t>(text[++i] - '0') : 0;
      std::string end;
      std::exception_ptr cancelled;
      try {
        end = co_await step(op, k, argument);
      } catch (const rondo::cancelled_error&) {
        end = "!";
        cancelled = std::current_exception();
      } catch (const rondo::timeout_error&) {
        end = "T";
      } catch (const rondo::queue_full&) {
        end = "F";
      } catch (const rondo::queue_empty&) {
        end = "E";
      } catch (const rondo::queue_shut_down&) {
        end = "D";
      } catch (const std::invalid_argument&) {
        end = "V";
      }
      if (op != '.' || cancelled)
        log_ += std::to_string(tick_->now()) + (k == 0 ? 'm' : static_cast<char>('a' + k - 1)) + op + end + " ";
      if (cancelled) std::rethrow_exception(cancelled);
    }
  }

  Queue queue_;
  std::vector<std::string> scripts_;
  std::vector<std::optional<rondo::timeout_scope>> scopes_;
  std::vector<rondo::task<void>> tasks_;
  ticker* tick_ = nullptr;
  int value_ = 0;
  std::string log_;
};

struct by_remainder {
  bool operator()(int a, int b) const noexcept { return a % 3 < b % 3; }
};

template <class Queue>
std::string run_queue_program(std::ptrdiff_t maxsize, std::vector<std::string> scripts) {
  queue_program<Queue> p(maxsize, std::move(scripts));
  return rondo::testing::run_virtual(p.run());
}

inline std::string run_queue_program(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == '|')
      parts.emplace_back();
    else
      parts.back() += c;
  const char kind = parts[0][0];
  const std::ptrdiff_t maxsize = parts[0][1] - '0';
  parts.erase(parts.begin());
  if (kind == 'L') return run_queue_program<rondo::lifo_queue<int>>(maxsize, std::move(parts));
  if (kind == 'P') return run_queue_program<rondo::priority_queue<int, by_remainder>>(maxsize, std::move(parts));
  return run_queue_program<rondo::queue<int>>(maxsize, std::move(parts));
}

} // namespace support
