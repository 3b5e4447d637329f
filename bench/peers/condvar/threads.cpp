// Two threads with a mutex and condition variables: the limit of what a hand-over between threads can cost.
// SPDX-License-Identifier: BSL-1.0
#include "../common/meter.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace {

/// One side asks, the other answers.
class turn {
public:
  void pass_to(bool side) {
    {
      std::lock_guard lock(mutex_);
      side_ = side;
    }
    changed_.notify_one();
  }
  void wait_for(bool side) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return side_ == side; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool side_ = false;
};

void roundtrip(peers::meter& m, long n, long) {
  turn t;
  m.start();
  std::jthread other([&] {
    for (long i = 0; i < n; ++i) {
      t.pass_to(true);
      t.wait_for(false);
    }
  });
  for (long i = 0; i < n; ++i) {
    t.wait_for(true);
    t.pass_to(false);
  }
  m.stop();
}

class bounded_queue {
public:
  explicit bounded_queue(std::size_t capacity) : capacity_(capacity) {}

  void put(long item) {
    {
      std::unique_lock lock(mutex_);
      room_.wait(lock, [&] { return items_.size() < capacity_; });
      items_.push_back(item);
    }
    item_.notify_one();
  }

  long get() {
    std::unique_lock lock(mutex_);
    item_.wait(lock, [&] { return !items_.empty(); });
    const long item = items_.front();
    items_.pop_front();
    lock.unlock();
    room_.notify_one();
    return item;
  }

private:
  std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable room_, item_;
  std::deque<long> items_;
};

void queue(peers::meter& m, long n, long capacity) {
  bounded_queue q(static_cast<std::size_t>(capacity));
  m.start();
  std::jthread producer([&] {
    for (long i = 0; i < n; ++i)
      q.put(i);
  });
  for (long i = 0; i < n; ++i)
    q.get();
  m.stop();
}

struct thread_case {
  std::string_view name;
  void (*run)(peers::meter& m, long n, long size);
};
constexpr thread_case cases[] = {{"thread_roundtrip", roundtrip}, {"thread_queue", queue}};

} // namespace

int main(int argc, char** argv) {
  return peers::run_case(argc, argv, cases,
                         [](const thread_case& c, peers::meter& m, long n, long size) { c.run(m, n, size); });
}
