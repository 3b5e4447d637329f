# The library that is shipped has no switch for faults; the explorer has, which shows that this check can see it.
# SPDX-License-Identifier: BSL-1.0

# Sets <out> to whether the program or library has a symbol whose name contains active_mutant.
function(has_mutants out file)
  execute_process(COMMAND "${nm}" "${file}" OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${nm} cannot read ${file}")
  endif()
  string(FIND "${symbols}" "active_mutant" place)
  if(place EQUAL -1)
    set(${out} FALSE PARENT_SCOPE)
  else()
    set(${out} TRUE PARENT_SCOPE)
  endif()
endfunction()

has_mutants(explorer_has "${explorer}")
if(NOT explorer_has)
  message(FATAL_ERROR "${explorer} has no mutants, or this check cannot see them")
endif()
has_mutants(library_has "${library}")
if(library_has)
  message(FATAL_ERROR "${library} contains mutants: RONDO_TWO_PHASE_MUTANTS must be defined for the explorer alone")
endif()
