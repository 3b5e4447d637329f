// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/file_log.hpp>

#include "file_store.hpp"
#include "log_thread.hpp"

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

constexpr std::size_t smallest_segment = std::size_t{64} << 10;
constexpr std::size_t largest_segment_size = std::size_t{1} << 30;

std::unique_ptr<detail::file_store> make_store(std::string directory, const file_log_options& options) {
  if (directory.empty()) throw std::invalid_argument("a file_log needs the path of a directory");
  if (options.segment_size() < smallest_segment || options.segment_size() > largest_segment_size)
    throw std::invalid_argument(fmt::format("segments of a file_log have {} to {} bytes: {} is out of range",
                                            smallest_segment, largest_segment_size, options.segment_size()));
  if (options.max_batch() == 0) throw std::invalid_argument("a file_log needs batches of at least one request");
  return std::make_unique<detail::file_store>(std::move(directory), options);
}

} // namespace

class file_log::impl : public detail::log_thread {
public:
  using log_thread::log_thread;
};

file_log::file_log(std::string directory, const file_log_options& options)
    : impl_(std::make_unique<impl>(make_store(std::move(directory), options), options.max_batch())) {}

file_log::~file_log() = default;

log_contents file_log::open() { return impl_->open(); }

void file_log::force(std::span<const log_record> records, done_callback done) {
  impl_->force(records, std::move(done));
}

void file_log::append(const log_record& record) { impl_->append(record); }

void file_log::compact(std::span<const log_record> live, done_callback done) { impl_->compact(live, std::move(done)); }

void file_log::close() { impl_->close(); }

log_health file_log::health() const noexcept { return impl_->health(); }

log_statistics file_log::statistics() const { return impl_->statistics(); }

std::string file_log::description() const { return impl_->description(); }

} // namespace two_phase
RONDO_END_NAMESPACE
