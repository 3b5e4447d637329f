// task_group_options: how many tasks of a group run at a time, and failures that do not end it.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task_group.hpp>

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

struct oven {
  int in_it = 0, most = 0, baked = 0;
};

rondo::awaitable<void> bake(int number, oven& o) {
  o.most = std::max(o.most, ++o.in_it);
  co_await rondo::sleep(10ms);
  --o.in_it;
  if (number == 3) throw std::runtime_error("loaf 3 is burnt");
  ++o.baked;
}

rondo::awaitable<void> async_main() {
  oven o;
  // A name for the options, as for everything that owns something and is needed in an expression with co_await.
  const auto two_at_a_time = rondo::task_group_options().max_concurrency(2).on_error([](const rondo::any_task& failed) {
    try {
      std::rethrow_exception(failed.exception());
    } catch (const std::runtime_error& e) {
      std::cout << e.what() << '\n';
    }
  });
  co_await rondo::with_task_group(two_at_a_time, [&](rondo::task_group& group) {
    for (int i = 1; i <= 5; ++i)
      group.create_task(bake(i, o));
  });
  std::cout << o.baked << " loaves, never more than " << o.most << " in the oven\n";
}

int main() { rondo::run(async_main()); }
