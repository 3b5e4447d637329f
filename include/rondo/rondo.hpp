// Everything of the core library.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/as_completed.hpp>
#include <rondo/async.hpp>
#include <rondo/async_generator.hpp>
#include <rondo/awaitable.hpp>
#include <rondo/cancel_scope.hpp>
#include <rondo/concurrent_future.hpp>
#include <rondo/context.hpp>
#include <rondo/diagnostics.hpp>
#include <rondo/errors.hpp>
#include <rondo/event_loop.hpp>
#include <rondo/exception_group.hpp>
#include <rondo/finally.hpp>
#include <rondo/future.hpp>
#include <rondo/gather.hpp>
#include <rondo/loop_thread.hpp>
#include <rondo/runner.hpp>
#include <rondo/settled.hpp>
#include <rondo/shield.hpp>
#include <rondo/signals.hpp>
#include <rondo/sleep.hpp>
#include <rondo/structured.hpp>
#include <rondo/task.hpp>
#include <rondo/task_group.hpp>
#include <rondo/threads.hpp>
#include <rondo/time.hpp>
#include <rondo/timeout.hpp>
#include <rondo/use_task.hpp>
#include <rondo/version.hpp>
#include <rondo/wait.hpp>
#include <rondo/with.hpp>
