# What rondo needs, each with an error that says how to get it.
# SPDX-License-Identifier: BSL-1.0

function(rondo_require_compiler id minimum)
  if(CMAKE_CXX_COMPILER_ID STREQUAL id AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS minimum)
    message(FATAL_ERROR "rondo needs ${id} ${minimum} or newer for its coroutines, but CMAKE_CXX_COMPILER "
      "(${CMAKE_CXX_COMPILER}) is ${id} ${CMAKE_CXX_COMPILER_VERSION}. "
      "Choose another one in an empty build folder: cmake -DCMAKE_CXX_COMPILER=g++-12")
  endif()
endfunction()
rondo_require_compiler(GNU 12)
rondo_require_compiler(Clang 16)

# A project around rondo may bring its own copies of these targets.
if(NOT TARGET Boost::headers)
  find_package(Boost 1.81 CONFIG QUIET)
  if(NOT TARGET Boost::headers)
    set(found "")
    if(Boost_CONSIDERED_VERSIONS)
      set(found " (found: ${Boost_CONSIDERED_VERSIONS})")
    endif()
    message(FATAL_ERROR "rondo needs the headers of Boost 1.81 or newer${found}. On Debian: "
      "apt-get install libboost1.81-dev (it replaces libboost1.74-dev). Elsewhere: -DBoost_DIR=<folder of BoostConfig.cmake>")
  endif()
endif()

if(NOT TARGET fmt::fmt)
  find_package(fmt 9 CONFIG QUIET)
  if(NOT TARGET fmt::fmt)
    message(FATAL_ERROR "rondo needs fmt 9 or newer. On Debian: apt-get install libfmt-dev. "
      "Elsewhere: -Dfmt_DIR=<folder of fmt-config.cmake>")
  endif()
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# For rondo::two_phase_tcp only, which is left out without it.
if(NOT TARGET OpenSSL::Crypto)
  find_package(OpenSSL 3.0 QUIET COMPONENTS Crypto)
  if(NOT TARGET OpenSSL::Crypto)
    set_property(GLOBAL APPEND PROPERTY RONDO_LEFT_OUT
      "rondo::two_phase_tcp, since OpenSSL 3.0 or newer was not found (apt-get install libssl-dev)")
  endif()
endif()
