// map_concurrent: a function for every element, so many at a time; the results come in the order of the elements.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/structured.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

rondo::awaitable<void> async_main() {
  const std::vector<std::string> pages{"index", "news", "about", "contact", "imprint"};
  int now = 0, most = 0;

  const auto fetch = [&](const std::string& page) -> rondo::awaitable<std::size_t> {
    most = std::max(most, ++now);
    co_await rondo::sleep(10ms);
    --now;
    co_return page.size();
  };
  const std::vector<std::size_t> sizes = co_await rondo::map_concurrent(pages, fetch, 2);

  for (std::size_t i = 0; i < pages.size(); ++i)
    std::cout << pages[i] << ": " << sizes[i] << '\n';
  std::cout << "never more than " << most << " at a time\n";
}

int main() { rondo::run(async_main()); }
