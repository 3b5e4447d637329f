# The explorer's command line: help, and a message and status 2 for what it does not understand.
# SPDX-License-Identifier: BSL-1.0

# expect(<status> <text> <option>...): the explorer ends with the status, and prints the text.
function(expect status text)
  execute_process(COMMAND "${explorer}" ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE got)
  string(FIND "${out}${err}" "${text}" place)
  if(NOT got EQUAL status OR place EQUAL -1)
    message(FATAL_ERROR "explore ${ARGN}: status ${got} instead of ${status}, or no '${text}' in:\n${out}${err}")
  endif()
endfunction()

expect(0 "usage: explore" --help)
expect(0 "a-read-only" --list)
expect(0 "complete, no violation" --case n1)
expect(0 "incomplete (limit of states)" --case no-crash --states 100)
expect(0 "incomplete (limit of memory)" --case no-crash --memory 1)
expect(2 "unknown option '--quik'" --quik)
expect(2 "--case takes a value" --case)
expect(2 "there is no case 'z'" --case z)
expect(2 "--seconds takes a positive number, not '5x'" --seconds 5x)
expect(2 "--memory takes a positive number, not '0'" --memory 0)
expect(2 "--quick and --mutants exclude each other" --quick --mutants)
expect(2 "--table goes with --mutants" --table x.md)
