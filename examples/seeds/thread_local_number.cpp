// What belongs to a thread is thread_local in C++; what does not is shared by all threads.
// SPDX-License-Identifier: BSL-1.0
#include "async_timed.hpp"

#include <iostream>
#include <optional>
#include <thread>

thread_local std::optional<int> own_number;
std::optional<int> shared_number;

void f(std::optional<int>& number) {
  for (int i = 0; i < 10; ++i) {
    if (number) {
      ++*number;
    } else {
      std::cout << "no number\n";
      number = 11;
    }
    std::cout << *number << '\n';
    std::this_thread::sleep_for(second / 10);
  }
}

int main() {
  own_number = 10;
  std::cout << *own_number << '\n';
  std::thread thread([] { f(own_number); }); // that of the new thread
  thread.join();
  std::cout << *own_number << '\n';

  shared_number = 10;
  std::cout << *shared_number << '\n';
  thread = std::thread([] { f(shared_number); });
  thread.join();
  std::cout << *shared_number << '\n';
}
