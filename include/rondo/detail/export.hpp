// RONDO_EXPORT: what stays visible when the library is built with hidden visibility.
// SPDX-License-Identifier: BSL-1.0
#pragma once

// Exceptions need it too: a type that is hidden in two shared objects is two types to a catch clause.
#if defined(__GNUC__) || defined(__clang__)
#define RONDO_EXPORT __attribute__((visibility("default")))
#else
#define RONDO_EXPORT
#endif
