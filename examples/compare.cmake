# Runs a program and compares what it prints with a file: cmake -Dprogram=PATH -Dexpected=FILE -P compare.cmake
# It must also end with status 0 and write nothing to stderr, where the library reports what nobody handled.
# SPDX-License-Identifier: BSL-1.0
cmake_minimum_required(VERSION 3.25)

set(actual "${program}.out")
execute_process(COMMAND "${program}" OUTPUT_FILE "${actual}" ERROR_VARIABLE errors RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  file(READ "${actual}" output)
  message(NOTICE "${output}${errors}")
  message(FATAL_ERROR "${program} ended with ${status}")
endif()
if(NOT errors STREQUAL "")
  message(NOTICE "${errors}")
  message(FATAL_ERROR "${program} wrote to stderr")
endif()

execute_process(COMMAND "${CMAKE_COMMAND}" -E compare_files "${expected}" "${actual}"
  RESULT_VARIABLE different OUTPUT_QUIET ERROR_QUIET)
if(different)
  find_program(diff diff)
  if(diff)
    execute_process(COMMAND "${diff}" -u "${expected}" "${actual}" OUTPUT_VARIABLE difference ERROR_VARIABLE difference)
  else()
    file(READ "${actual}" difference)
  endif()
  message(NOTICE "${difference}")
  message(FATAL_ERROR "${program} does not print what is in ${expected}")
endif()
