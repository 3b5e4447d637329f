// The version of rondo; the build files read it from here.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#define RONDO_VERSION_MAJOR 0
#define RONDO_VERSION_MINOR 1
#define RONDO_VERSION_PATCH 0

/// One number to compare with: 0.1.0 is 100, 1.2.3 is 10203.
#define RONDO_VERSION (RONDO_VERSION_MAJOR * 10000 + RONDO_VERSION_MINOR * 100 + RONDO_VERSION_PATCH)

#define RONDO_VERSION_STRING "0.1.0"
