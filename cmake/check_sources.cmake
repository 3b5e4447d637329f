# Stops when cmake/sources.cmake and the folders differ: a header that is not listed is not installed, and nothing else would say so.
# SPDX-License-Identifier: BSL-1.0

function(rondo_check_list list_name folder pattern)
  file(GLOB_RECURSE present CONFIGURE_DEPENDS
    RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/${folder}/${pattern}")
  list(FILTER present EXCLUDE REGEX "/two_phase/") # a library of its own, with globs
  set(unlisted ${present})
  set(missing ${${list_name}})
  list(REMOVE_ITEM unlisted ${${list_name}})
  list(REMOVE_ITEM missing ${present})
  if(unlisted OR missing)
    set(text "cmake/sources.cmake does not match ${folder}/.")
    if(unlisted)
      list(JOIN unlisted "\n  " names)
      string(APPEND text "\nThere, but not in ${list_name}:\n  ${names}")
    endif()
    if(missing)
      list(JOIN missing "\n  " names)
      string(APPEND text "\nIn ${list_name}, but not there:\n  ${names}")
    endif()
    message(FATAL_ERROR "${text}\nTo write the lists anew: cmake -P cmake/update_sources.cmake")
  endif()
endfunction()
rondo_check_list(RONDO_PUBLIC_HEADERS include/rondo "*.hpp")
rondo_check_list(RONDO_SOURCES src "*.cpp")
