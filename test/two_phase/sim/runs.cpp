// SPDX-License-Identifier: BSL-1.0
#include "runs.hpp"

#include <fmt/format.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <system_error>

namespace sim {
namespace {

constexpr std::size_t most_jobs = 16;
constexpr std::size_t most_findings = 32; // of a job
constexpr unsigned most_seconds = 120;    // of a run

/// What a process tells its parent, in memory that they share.
struct job {
  std::uint64_t next = 0; // seed
  std::uint64_t runs = 0;
  std::uint64_t transactions = 0;
  std::uint64_t events = 0;
  std::size_t findings = 0;
  std::uint64_t seeds[most_findings] = {};
  char texts[most_findings][400] = {};
  coverage covered;

  void found(std::uint64_t seed, const std::string& what) {
    if (findings == most_findings) return;
    seeds[findings] = seed;
    std::strncpy(texts[findings++], what.c_str(), sizeof texts[0] - 1);
  }
};

struct shared_state {
  std::atomic<std::uint64_t> first_found = ~std::uint64_t{0};
  job jobs[most_jobs];
};

class shared_memory {
public:
  shared_memory()
      : memory_(mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    new (memory_) shared_state;
  }
  ~shared_memory() { munmap(memory_, sizeof(shared_state)); }
  shared_memory(const shared_memory&) = delete;
  shared_memory& operator=(const shared_memory&) = delete;

  shared_state* operator->() { return static_cast<shared_state*>(memory_); }

private:
  void* memory_;
};

void note_found(shared_state& all, job& mine, std::uint64_t seed, const std::string& what) {
  mine.found(seed, what);
  auto known = all.first_found.load();
  while (seed < known && !all.first_found.compare_exchange_weak(known, seed)) {
  }
}

/// Every jobs-th seed, from `next` on.
void work(const request& what, shared_state& all, job& mine) {
  what.prepare();
  while (mine.next <= what.last && !(what.only_first && mine.next > all.first_found)) {
    alarm(most_seconds);
    const auto result = run(what.plan(mine.next), mine.covered);
    mine.transactions += result.transactions;
    mine.events += result.events;
    ++mine.runs;
    if (!result.violation.empty()) note_found(all, mine, mine.next, result.violation);
    mine.next += what.jobs;
  }
}

pid_t start(const request& what, shared_state& all, job& mine) {
  std::fflush(nullptr);
  const auto child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child > 0) return child;
  int status = 0;
  try {
    work(what, all, mine);
  } catch (const std::exception& error) {
    fmt::print(stderr, "sim: seed {}: {}\n", mine.next, error.what());
    status = 1;
  }
  std::fflush(nullptr);
  std::_Exit(status);
}

void show_progress(const request& what, shared_state& all, double seconds) {
  std::uint64_t runs = 0;
  for (std::size_t i = 0; i < what.jobs; ++i)
    runs += all.jobs[i].runs;
  fmt::print(stderr, "{} of {} runs, {:.0f} runs/s\n", runs, what.last - what.first + 1,
             static_cast<double>(runs) / seconds);
}

/// Waits for the processes, and starts another one where one has died of its seed.
void supervise(const request& what, shared_state& all, std::chrono::steady_clock::time_point begin) {
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < what.jobs; ++i)
    children.push_back(start(what, all, all.jobs[i]));
  auto shown = begin;
  for (std::size_t left = what.jobs; left > 0;) {
    int status = 0;
    const auto child = waitpid(-1, &status, what.shows_progress ? WNOHANG : 0);
    const auto now = std::chrono::steady_clock::now();
    if (what.shows_progress && now - shown > std::chrono::seconds(10)) {
      shown = now;
      show_progress(what, all, std::chrono::duration<double>(now - begin).count());
    }
    if (child == 0) {
      usleep(20'000);
      continue;
    }
    if (child < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    const auto place = std::ranges::find(children, child);
    if (place == children.end()) continue;
    auto& mine = all.jobs[place - children.begin()];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      --left;
      continue;
    }
    const auto signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    note_found(all, mine, mine.next,
               signal == SIGALRM ? fmt::format("it does not end within {} s", most_seconds)
                                 : fmt::format("the process died of signal {}", signal));
    mine.next += what.jobs;
    *place = start(what, all, mine);
  }
}

} // namespace

scenario request::plan(std::uint64_t seed) const {
  scenario result(seed);
  for (const auto each : off)
    result.switch_off(each);
  if (transactions) result.keep_transactions(*transactions);
  return result;
}

std::string request::arguments(std::uint64_t seed) const {
  auto text = fmt::format("--seed {}", seed);
  for (const auto each : off)
    text += fmt::format(" --fault-off {}", to_string(each));
  if (transactions) text += fmt::format(" --transactions {}", *transactions);
  return text;
}

report run_all(const request& what) {
  shared_memory shared;
  const auto begin = std::chrono::steady_clock::now();
  auto limited = what;
  limited.jobs = std::clamp<std::size_t>(what.jobs, 1, most_jobs);
  for (std::size_t i = 0; i < limited.jobs; ++i)
    shared->jobs[i].next = what.first + i;
  supervise(limited, *shared.operator->(), begin);
  report result;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  for (const auto& each : shared->jobs) {
    result.runs += each.runs;
    result.transactions += each.transactions;
    result.events += each.events;
    result.covered.add(each.covered);
    for (std::size_t i = 0; i < each.findings; ++i)
      result.findings.push_back({each.seeds[i], each.texts[i]});
  }
  std::ranges::sort(result.findings, {}, &finding::seed);
  return result;
}

request shrunk(request what, std::uint64_t seed) {
  what.first = what.last = seed;
  what.jobs = 1;
  what.shows_progress = false;
  const auto still_fails = [&](const request& smaller) { return !run_all(smaller).findings.empty(); };
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto which = static_cast<fault>(i);
    if (!what.plan(seed).has(which)) continue;
    auto smaller = what;
    smaller.off.push_back(which);
    if (still_fails(smaller)) what = std::move(smaller);
  }
  auto count = what.plan(seed).users.size();
  for (auto step = count / 2; step > 0; step /= 2)
    while (count > step) {
      auto smaller = what;
      smaller.transactions = count - step;
      if (!still_fails(smaller)) break;
      what = std::move(smaller);
      count -= step;
    }
  return what;
}

} // namespace sim
