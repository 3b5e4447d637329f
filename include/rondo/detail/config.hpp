// The namespace of the library, tagged with everything that changes a layout it shares with Asio.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/version.hpp>

#if BOOST_VERSION < 108100
#error "rondo needs Boost 1.81 or newer"
#endif

#include <boost/asio/detail/config.hpp>              // BOOST_ASIO_HAS_THREADS, ..._EPOLL, ..._IO_URING
#include <boost/asio/detail/recycling_allocator.hpp> // BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE
#include <boost/asio/version.hpp>

#include <rondo/detail/export.hpp>
#include <rondo/version.hpp>

// A program and the library must agree on Boost's version and on Asio's configuration: both compile Asio's inline
// code, and a silent difference is a crash. The tag makes it an undefined reference that names the tag.

#if defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#define RONDO_TAG_BACKEND u
#elif defined(BOOST_ASIO_HAS_EPOLL)
#define RONDO_TAG_BACKEND e
#else
#define RONDO_TAG_BACKEND s
#endif

#if defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING)
#define RONDO_TAG_TRACKING h
#else
#define RONDO_TAG_TRACKING n
#endif

#if defined(BOOST_ASIO_HAS_THREADS)
#define RONDO_TAG_THREADS t
#else
#define RONDO_TAG_THREADS n
#endif

#if defined(BOOST_ASIO_NO_EXCEPTIONS)
#define RONDO_TAG_EXCEPTIONS n
#else
#define RONDO_TAG_EXCEPTIONS x
#endif

#if defined(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
#define RONDO_TAG_FRAMES n
#else
#define RONDO_TAG_FRAMES f
#endif

#if defined(BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT)
#define RONDO_TAG_EXECUTORS d
#elif defined(BOOST_ASIO_NO_TS_EXECUTORS)
#define RONDO_TAG_EXECUTORS n
#else
#define RONDO_TAG_EXECUTORS p
#endif

#define RONDO_TAG_JOIN_(a, b, c, d, e, f, g, h, i) v##a##_##b##_##c##d##e##f##g##h##_##i
#define RONDO_TAG_JOIN(a, b, c, d, e, f, g, h, i) RONDO_TAG_JOIN_(a, b, c, d, e, f, g, h, i)

#define RONDO_TAG                                                                                                      \
  RONDO_TAG_JOIN(RONDO_VERSION_MAJOR, BOOST_ASIO_VERSION, RONDO_TAG_BACKEND, RONDO_TAG_TRACKING, RONDO_TAG_THREADS,    \
                 RONDO_TAG_EXCEPTIONS, RONDO_TAG_FRAMES, RONDO_TAG_EXECUTORS,                                          \
                 BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)

#define RONDO_BEGIN_NAMESPACE                                                                                          \
  namespace rondo {                                                                                                    \
  inline namespace RONDO_TAG {
#define RONDO_END_NAMESPACE                                                                                            \
  }                                                                                                                    \
  }

// GCC 12 destroys closures with captures and aggregates twice when they are temporaries in an expression with
// co_await. Functions that are meant for such expressions refuse those closures there (see callable.hpp).
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12
#define RONDO_DESTROYS_TEMPORARIES_TWICE 1
#else
#define RONDO_DESTROYS_TEMPORARIES_TWICE 0
#endif
