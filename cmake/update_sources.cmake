# Writes cmake/sources.cmake from what is in the folders: cmake -P cmake/update_sources.cmake
# SPDX-License-Identifier: BSL-1.0
cmake_minimum_required(VERSION 3.25)

cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH root)
set(text "# Written by cmake/update_sources.cmake.\n# SPDX-License-Identifier: BSL-1.0\n")
foreach(entry IN ITEMS "RONDO_PUBLIC_HEADERS|include/rondo/*.hpp" "RONDO_SOURCES|src/*.cpp")
  string(REPLACE "|" ";" entry "${entry}")
  list(GET entry 0 name)
  list(GET entry 1 pattern)
  file(GLOB_RECURSE files RELATIVE "${root}" "${root}/${pattern}")
  list(FILTER files EXCLUDE REGEX "/two_phase/") # a library of its own, with globs
  list(SORT files)
  list(TRANSFORM files PREPEND "\n  ")
  list(JOIN files "" lines)
  string(APPEND text "\nset(${name}${lines}\n)\n")
endforeach()
file(WRITE "${root}/cmake/sources.cmake" "${text}")
