# Runs one test case of a program that has a fault: cmake -Dprogram=... -Dtest_case=... -P killed.cmake
# SPDX-License-Identifier: BSL-1.0
# It must fail by its own assertions (status 201 of Boost.Test), not crash.
execute_process(COMMAND "${program}" "--run_test=${test_case}" --color_output=no
  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "the mutant lives: ${program} passes ${test_case}\n${output}")
endif()
if(NOT status EQUAL 201)
  string(RIGHT "${output}" 3000 output)
  message(FATAL_ERROR "${program} ended with status ${status} instead of failed assertions\n${output}")
endif()
string(REGEX MATCH "[^\n]*error: in [^\n]*" first "${output}")
message(STATUS "killed: ${first}")
