# SPDX-License-Identifier: BSL-1.0
# That decisions are durable before anybody hears of them, seen from outside: tools/check-force-order on the bank, and on a
# bank with the fault that COMMIT is sent too early, which it must notice.

# What the linker finds here it does not take from the library: everything that has faults to switch on.
set(sources coordinator_core coordinator_messages coordinator_state orphan_sweep participant_core participant_messages
  participant_state)
list(TRANSFORM sources REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/src/two_phase/\\1.cpp")
add_executable(bank_mutant $<TARGET_OBJECTS:bank> ${sources}
  "${PROJECT_SOURCE_DIR}/test/two_phase/force_order/mutant_from_environment.cpp")
target_compile_definitions(bank_mutant PRIVATE RONDO_TWO_PHASE_MUTANTS)
target_include_directories(bank_mutant PRIVATE "${PROJECT_SOURCE_DIR}/src/two_phase")
target_link_libraries(bank_mutant PRIVATE rondo::two_phase_tcp)

# rondo_force_order_test(<test> <target> <option>...)
function(rondo_force_order_test test target)
  add_test(NAME ${test} COMMAND bash "${PROJECT_SOURCE_DIR}/tools/check-force-order" ${ARGN} $<TARGET_FILE:${target}>)
  set_tests_properties(${test} PROPERTIES TIMEOUT 180 SKIP_RETURN_CODE 77)
  rondo_label(${test} ${target} tools two_phase)
endfunction()

rondo_force_order_test(tools.check_force_order bank)
rondo_force_order_test(tools.check_force_order_mutant bank_mutant --mutant 1)
