// SPDX-License-Identifier: BSL-1.0
#include "process.hpp"

#include "say.hpp"

#include <rondo/signals.hpp>
#include <rondo/sleep.hpp>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace tp = rondo::two_phase;
using namespace std::chrono_literals;

namespace bank {

namespace {

constexpr std::size_t min_key_size = 16;

} // namespace

std::string read_key(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(fmt::format("cannot read the key file {}", file));
  std::string key{std::istreambuf_iterator<char>(in), {}};
  if (key.size() < min_key_size)
    throw std::runtime_error(fmt::format("the key file {} has {} bytes, at least {} are needed: "
                                         "head -c 32 /dev/urandom >{}",
                                         file, key.size(), min_key_size, file));
  return key;
}

std::string made(const std::string& directory) {
  std::filesystem::create_directory(directory);
  return directory;
}

rondo::task<int> stop_signal() {
  return rondo::create_task(rondo::wait_signal(SIGINT, SIGTERM), rondo::task_options().name("signals").eager(true));
}

const char* signal_name(int signal) { return signal == SIGINT ? "SIGINT" : "SIGTERM"; }

rondo::awaitable<void> report_changes(std::string who, std::function<std::string()> figures) {
  std::string last;
  while (true) {
    std::string now = figures();
    if (now != last) say(who, "{}", now);
    last = std::move(now);
    co_await rondo::sleep(1s);
  }
}

void reporter::on_notice(const tp::notice& what) {
  if (what.kind() == tp::notice_kind::started) return;
  fmt::print("{}\n", what.text()); // it names who says it
  std::fflush(stdout);
}

} // namespace bank
