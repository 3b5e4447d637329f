// Benchmarks of the kernel, each beside bare Asio doing the same. Times are those of one operation.
// SPDX-License-Identifier: BSL-1.0
#include "cases.hpp"

#include <rondo/rondo.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

#include <benchmark/benchmark.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

namespace {

bench::awaitable<void> trivial() { co_return; }

constexpr long batch = 10000;

void count(benchmark::State& state, long operations) {
  state.SetItemsProcessed(state.iterations() * operations);
  state.counters["op"] = benchmark::Counter(static_cast<double>(state.iterations() * operations),
                                            benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Subject>
void run_case(benchmark::State& state, bench::case_function f) {
  Subject subject;
  subject.run(f, batch); // fills caches and makes what is reused
  for (auto _ : state)
    subject.run(f, batch);
  count(state, batch);
}

/// A thread that runs an io_context, as rondo::loop_thread runs a loop.
class context_thread {
public:
  context_thread() : thread_([this] { context_.run(); }) {}
  ~context_thread() {
    work_.reset();
    thread_.join();
  }

  std::future<void> submit() { return boost::asio::co_spawn(context_, trivial(), boost::asio::use_future); }

private:
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_;
};

class loop_thread {
public:
  auto submit() { return rondo::run_coroutine_threadsafe(trivial(), thread_.loop()); }

private:
  rondo::loop_thread thread_;
  boost::asio::steady_timer timer_{thread_.loop().get_executor()};
};

void wait_for_end(const rondo::concurrent_future<void>& f) { f.result(); }
void wait_for_end(std::future<void>& f) { f.get(); }

template <class Thread>
void submit_round_trip(benchmark::State& state) {
  Thread thread;
  for (auto _ : state) {
    auto f = thread.submit();
    wait_for_end(f);
  }
  count(state, 1);
}

/// Submits a thousand, then waits for all.
template <class Thread>
void submit_pipelined(benchmark::State& state) {
  constexpr int size = 1000;
  Thread thread;
  std::vector<decltype(thread.submit())> futures;
  futures.reserve(size);
  for (auto _ : state) {
    for (int i = 0; i < size; ++i)
      futures.push_back(thread.submit());
    for (auto& f : futures)
      wait_for_end(f);
    futures.clear();
  }
  count(state, size);
}

void register_all() {
  for (const bench::named_case& c : bench::cases) {
    const std::string name(c.name);
    benchmark::RegisterBenchmark((name + "/rondo").c_str(), run_case<bench::on_rondo::subject>, c.rondo);
    benchmark::RegisterBenchmark((name + "/asio").c_str(), run_case<bench::on_asio::subject>, c.asio);
  }
  benchmark::RegisterBenchmark("submit_round_trip/rondo", submit_round_trip<loop_thread>)->UseRealTime();
  benchmark::RegisterBenchmark("submit_round_trip/asio", submit_round_trip<context_thread>)->UseRealTime();
  benchmark::RegisterBenchmark("submit_pipelined/rondo", submit_pipelined<loop_thread>)->UseRealTime();
  benchmark::RegisterBenchmark("submit_pipelined/asio", submit_pipelined<context_thread>)->UseRealTime();
}

} // namespace

int main(int argc, char** argv) {
  register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
