// What the programs about events from a consumer's thread share: messages, and the thread on which they arrive.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// A message of a broker: what it is about, and whether the callback for it succeeds.
struct message {
  std::string type;
  bool succeeds;
};

/// Stands for the thread of a broker's client, which has no event loop: calls `callback` for each message.
class consumer {
public:
  consumer(std::vector<message> messages, std::function<void(const message&)> callback)
      : thread_([messages = std::move(messages), callback = std::move(callback)] {
          for (const message& m : messages) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            callback(m);
          }
        }) {}
  ~consumer() { thread_.join(); }
  consumer(const consumer&) = delete;
  consumer& operator=(const consumer&) = delete;

private:
  std::thread thread_;
};
