// SPDX-License-Identifier: BSL-1.0
#include <rondo/event.hpp>

RONDO_BEGIN_NAMESPACE

void detail::event_wait::park() {
  if (ready())
    complete_now();
  else
    wait();
}

RONDO_END_NAMESPACE
