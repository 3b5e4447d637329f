// What ports of CPython's test_taskgroups share.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "errors.hpp"

#include <rondo/event_loop.hpp>
#include <rondo/task.hpp>
#include <rondo/testing/virtual_clock.hpp>

#include <boost/test/unit_test.hpp>

namespace cpython {

/// Runs a test as TestTaskGroup does, and then on a loop with the eager task factory, as TestEagerTaskTaskGroup.
template <class Test>
void in_both_modes(Test test) {
  for (const bool eager : {false, true})
    BOOST_TEST_CONTEXT((eager ? "eager tasks" : "tasks that are not eager")) {
      rondo::testing::virtual_runner runner;
      if (eager) runner.loop().set_task_factory(rondo::eager_task_factory);
      runner.run(test);
    }
}

} // namespace cpython
