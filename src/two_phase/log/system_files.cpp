// The system-specific calls of the decision log.
// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/log_files.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string_view>

RONDO_BEGIN_NAMESPACE
namespace two_phase {
namespace {

template <class Number>
Number or_error(Number result) noexcept {
  return result < 0 ? static_cast<Number>(-errno) : result;
}

/// Where a process has a limit on the size of files, a write beyond it ends the process unless the signal is blocked.
class size_signal_blocked {
public:
  size_signal_blocked() noexcept {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }

  ~size_signal_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  void discard() noexcept {
    if (sigismember(&before_, SIGXFSZ) == 1) return;
    const timespec at_once{};
    sigtimedwait(&signal_, nullptr, &at_once);
  }

private:
  sigset_t signal_;
  sigset_t before_;
};

class system_files final : public log_files {
public:
  int open(const std::string& path, access how) override {
    const int flags = how == access::read ? O_RDONLY : how == access::read_write ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
    return or_error(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  }

  void close(int file) noexcept override { ::close(file); }

  std::int64_t size(int file) override {
    struct stat about{};
    if (::fstat(file, &about) < 0) return -errno;
    return S_ISREG(about.st_mode) ? about.st_size : -EINVAL;
  }

  std::int64_t pread(int file, std::span<std::byte> to, std::uint64_t offset) override {
    return or_error(::pread(file, to.data(), to.size(), static_cast<off_t>(offset)));
  }

  std::int64_t pwrite(int file, std::span<const std::byte> from, std::uint64_t offset) override {
    size_signal_blocked blocked;
    const auto written = or_error(::pwrite(file, from.data(), from.size(), static_cast<off_t>(offset)));
    if (written == -EFBIG) blocked.discard();
    return written;
  }

  int fdatasync(int file) override { return or_error(::fdatasync(file)); }
  int fsync(int file) override { return or_error(::fsync(file)); }

  int sync_directory(const std::string& path) override {
    const int directory = or_error(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory < 0) return directory;
    const int result = or_error(::fsync(directory));
    ::close(directory);
    return result;
  }

  int rename(const std::string& from, const std::string& to) override {
    return or_error(::rename(from.c_str(), to.c_str()));
  }

  int unlink(const std::string& path) override { return or_error(::unlink(path.c_str())); }

  int list(const std::string& directory, std::vector<std::string>& names) override {
    DIR* stream = ::opendir(directory.c_str());
    if (stream == nullptr) return -errno;
    names.clear();
    int result = 0;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream);
      if (entry == nullptr) {
        result = -errno;
        break;
      }
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(stream);
    return result;
  }

  int lock(const std::string& path) override {
    const int file = or_error(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (file < 0) return file;
    // Of the open file and not of the process: a second log in this process is refused too, and closing some other
    // descriptor of the file does not end it.
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    const int result = or_error(::fcntl(file, F_OFD_SETLK, &whole));
    if (result >= 0) return file;
    ::close(file);
    return result == -EACCES ? -EAGAIN : result;
  }
};

} // namespace

log_files::~log_files() = default;

log_files& log_files::system() noexcept {
  static system_files files;
  return files;
}

} // namespace two_phase
RONDO_END_NAMESPACE
