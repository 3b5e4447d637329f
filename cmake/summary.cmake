# Says what is built and what was left out.
# SPDX-License-Identifier: BSL-1.0
if(BUILD_SHARED_LIBS)
  set(kind shared)
else()
  set(kind static)
endif()
message(STATUS "rondo ${PROJECT_VERSION}: ${kind} library, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}, "
  "tests ${RONDO_BUILD_TESTS}, examples ${RONDO_BUILD_EXAMPLES}, benchmarks ${RONDO_BUILD_BENCHMARKS}, "
  "install ${RONDO_INSTALL}")
get_property(left_out GLOBAL PROPERTY RONDO_LEFT_OUT)
foreach(line IN LISTS left_out)
  message(STATUS "rondo: left out: ${line}")
endforeach()
