// The program of a project that uses rondo; every way of linking must build it.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/rondo.hpp>

#include <chrono>
#include <cstdio>

rondo::awaitable<int> answer() {
  co_await rondo::sleep(std::chrono::milliseconds(1));
  co_return 42;
}

int main() { std::printf("%d\n", rondo::run(answer())); }
