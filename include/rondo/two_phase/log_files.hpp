// log_files: the calls of the system that a file_log makes, so that tests and simulators can let them fail.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

/// Files as POSIX has them. A negative result is `-errno`; everything else is a success.
///
/// Thread safety: a `file_log` uses it on the thread that opens or closes it and on its own, never on both at a time.
class RONDO_EXPORT log_files {
public:
  enum class access : std::uint8_t {
    read,
    read_write,
    create, ///< read and write; the file must not exist
  };

  log_files() = default;
  log_files(const log_files&) = delete;
  log_files& operator=(const log_files&) = delete;
  virtual ~log_files();

  /// Those of the system.
  static log_files& system() noexcept;

  /// A descriptor.
  virtual int open(const std::string& path, access how) = 0;
  virtual void close(int file) noexcept = 0;
  virtual std::int64_t size(int file) = 0;
  /// The bytes read; fewer than asked for at the end of the file, or when interrupted.
  virtual std::int64_t pread(int file, std::span<std::byte> to, std::uint64_t offset) = 0;
  /// The bytes written, perhaps fewer than asked for. A negative result means that none was written.
  virtual std::int64_t pwrite(int file, std::span<const std::byte> from, std::uint64_t offset) = 0;
  virtual int fdatasync(int file) = 0;
  /// With the file's size and times.
  virtual int fsync(int file) = 0;
  /// Makes renamed, new and removed names of a directory durable.
  virtual int sync_directory(const std::string& path) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int unlink(const std::string& path) = 0;
  /// The names in a directory, without "." and "..".
  virtual int list(const std::string& directory, std::vector<std::string>& names) = 0;
  /// Opens `path`, makes it if it is not there, and locks it against every other `lock`, in this process too.
  /// A descriptor that holds the lock until it is closed; -EAGAIN if somebody else holds it.
  virtual int lock(const std::string& path) = 0;
};

} // namespace two_phase
RONDO_END_NAMESPACE
