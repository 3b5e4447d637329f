// SPDX-License-Identifier: BSL-1.0
#include "log_bench.hpp"

#include "bench_tools.hpp"

#include <rondo/two_phase/file_log.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bench {
namespace {

namespace tp = rondo::two_phase;

constexpr std::size_t frame_header = 24; // what the log writes before the body of a record
constexpr std::size_t many_writers = 64;
constexpr double least_with_one = 0.9;
constexpr double least_with_many = 20;

/// A writer that goes on in its callback, on the log's thread: what is slower than the bare calls is the log.
class direct_writer {
public:
  direct_writer(tp::decision_log& log, std::size_t body)
      : log_(log), record_(tp::record_type::commit, std::vector<std::byte>(body, std::byte{'r'})) {}

  void run(clock::duration time, rate& total) {
    const auto begin = clock::now();
    end_ = begin + time;
    forced_ = 0;
    finished_ = {};
    force();
    finished_.get_future().get();
    total.add(forced_, clock::now() - begin);
  }

private:
  void force() {
    log_.force(record_, [this](const tp::log_result& result) {
      ++forced_;
      if (!result.succeeded())
        finished_.set_exception(std::make_exception_ptr(std::runtime_error(result.reason())));
      else if (clock::now() >= end_)
        finished_.set_value();
      else
        force();
    });
  }

  tp::decision_log& log_;
  const tp::log_record record_;
  clock::time_point end_;
  std::size_t forced_ = 0;
  std::promise<void> finished_;
};

/// Writers of one thread, as the tasks of a loop are: each forces its next record when it learns that the last is
/// durable.
class writers {
public:
  writers(tp::decision_log& log, std::size_t body)
      : log_(log), record_(tp::record_type::commit, std::vector<std::byte>(body, std::byte{'r'})) {}

  void run(std::size_t count, clock::duration time, rate& total) {
    const auto begin = clock::now();
    const auto end = begin + time;
    std::size_t forced = 0;
    std::size_t running = count;
    for (std::size_t i = 0; i < count; ++i)
      force();
    while (running > 0) {
      const std::size_t ready = wait();
      forced += ready;
      const bool over = clock::now() >= end;
      if (over) running -= ready;
      for (std::size_t i = 0; !over && i < ready; ++i)
        force();
    }
    total.add(forced, clock::now() - begin);
    if (!failure_.empty()) throw std::runtime_error(failure_);
  }

private:
  void force() {
    log_.force(record_, [this](const tp::log_result& result) {
      const std::lock_guard lock(mutex_);
      if (!result.succeeded()) failure_ = result.reason();
      if (ready_++ == 0) changed_.notify_one();
    });
  }

  std::size_t wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_ > 0; });
    return std::exchange(ready_, 0);
  }

  tp::decision_log& log_;
  const tp::log_record record_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t ready_ = 0;
  std::string failure_;
};

struct rates {
  rate bare;
  rate one;
  rate waiting; // one as well, whose thread sleeps until it is woken by the log's
  rate many;
  double batch = 0; // records on average, with many writers
};

/// In slices, side by side: a disk drifts within seconds.
rates measure(const log_bench_settings& settings, const std::string& folder) {
  constexpr int slices = 5;
  const auto time =
      std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(settings.seconds)) / slices;
  const std::string directory = folder + "/log";
  std::filesystem::create_directory(directory);
  rates result;
  {
    bare_file bare(folder, settings.body + frame_header);
    tp::file_log log(directory, tp::file_log_options().segment_size(segment_size));
    log.open();
    direct_writer direct(log, settings.body);
    writers all(log, settings.body);
    std::size_t batches = 0;
    std::size_t records = 0;
    for (int i = 0; i < slices; ++i) {
      bare.run(time, result.bare);
      direct.run(time, result.one);
      all.run(1, time, result.waiting);
      const auto before = log.statistics();
      all.run(many_writers, time, result.many);
      const auto after = log.statistics();
      batches += after.batches() - before.batches();
      records += after.records() - before.records();
    }
    result.batch = static_cast<double>(records) / static_cast<double>(std::max<std::size_t>(batches, 1));
  }
  std::filesystem::remove_all(directory);
  return result;
}

bool print_ratio(std::string_view name, double ratio, double least) {
  const bool reached = ratio >= least;
  fmt::print("{:<12} {:6.2f} R   at least {:.1f} R: {}\n", name, ratio, least, reached ? "reached" : "NOT reached");
  return reached;
}

} // namespace

bool run_log_bench(const log_bench_settings& settings) {
  const folder_of_run folder(settings.directory);
  fmt::print("forces per second, records of {} bytes, files in {}\n", settings.body + frame_header, settings.directory);
  fmt::print("round  bare (R)  1 writer     / R  1 thread     / R  64 writers     / R  batch\n");
  std::vector<double> one;
  std::vector<double> waiting;
  std::vector<double> many;
  for (int round = 1; round <= settings.rounds; ++round) {
    const rates found = measure(settings, folder.path());
    const double bare = found.bare.per_second();
    one.push_back(found.one.per_second() / bare);
    many.push_back(found.many.per_second() / bare);
    waiting.push_back(found.waiting.per_second() / bare);
    fmt::print("{:>5} {:>9.0f} {:>9.0f} {:>7.2f} {:>9.0f} {:>7.2f} {:>11.0f} {:>7.2f} {:>6.1f}\n", round, bare,
               found.one.per_second(), one.back(), found.waiting.per_second(), waiting.back(), found.many.per_second(),
               many.back(), found.batch);
  }
  fmt::print("median of {} rounds:\n", settings.rounds);
  const bool one_reached = print_ratio("1 writer", median(one), least_with_one);
  fmt::print("{:<12} {:6.2f} R   no limit: it holds two wake-ups of sleeping threads\n", "1 thread", median(waiting));
  const bool many_reached = print_ratio("64 writers", median(many), least_with_many);
  return one_reached && many_reached;
}

} // namespace bench
