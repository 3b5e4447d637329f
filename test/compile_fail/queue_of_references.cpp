// Items live in the queue.
// SPDX-License-Identifier: BSL-1.0
// expect: a queue holds objects that can be moved
#include <rondo/queue.hpp>

#ifdef RONDO_CONTROL
rondo::queue<int> q;
#else
rondo::queue<int&> q;
#endif
