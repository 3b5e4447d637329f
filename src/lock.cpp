// SPDX-License-Identifier: BSL-1.0
#include <rondo/lock.hpp>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE

void lock::release() {
  if (!locked_) throw std::runtime_error("Lock is not acquired.");
  line_.check_thread("lock::release");
  give_back();
}

void lock::give_back() noexcept {
  locked_ = false;
  line_.wake_first();
}

// Whoever is woken owns the lock only now: until then it is free, though nobody can come in between.
void lock::turn(bool, bool cancelled) noexcept {
  if (!cancelled)
    locked_ = true;
  else if (!locked_)
    line_.wake_first();
}

std::string lock::describe() const { return locked_ ? "a lock, which is locked" : "a lock"; }

RONDO_END_NAMESPACE
