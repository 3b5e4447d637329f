# mode=run: runs the answer program that was built in the folder work, and looks at what it prints.
# mode=pkg_config: builds it there first, by hand, with the flags of the installed rondo.pc.
# mode=mismatch: builds it with an Asio configuration other than the library's, which the linker must refuse.
# SPDX-License-Identifier: BSL-1.0
cmake_minimum_required(VERSION 3.25)

separate_arguments(flags NATIVE_COMMAND "${flags}")
file(MAKE_DIRECTORY "${work}")
set(program "${work}/answer")
set(ENV{LC_ALL} C)

# Builds and sets status and output; what is wanted of them is up to the caller.
macro(build)
  execute_process(COMMAND "${compiler}" -std=c++20 ${flags} "${source}" -o "${program}" ${ARGN}
    RESULT_VARIABLE status ERROR_VARIABLE output)
endmacro()

function(run_program)
  execute_process(COMMAND "${program}" RESULT_VARIABLE status OUTPUT_VARIABLE output OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0 OR NOT output STREQUAL "42")
    message(FATAL_ERROR "the program must print 42 and exit with 0, but printed '${output}' and exited with ${status}")
  endif()
endfunction()

if(mode STREQUAL "run")
  run_program()
elseif(mode STREQUAL "pkg_config")
  set(ENV{PKG_CONFIG_PATH} "${pc_dir}")
  execute_process(COMMAND "${pkg_config}" --cflags --libs rondo
    RESULT_VARIABLE status OUTPUT_VARIABLE found ERROR_VARIABLE output OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "pkg-config does not accept rondo.pc: ${output}")
  endif()
  separate_arguments(found NATIVE_COMMAND "${found}")
  build(${found} -Wl,-rpath,${lib_dir})
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "does not build with the flags of pkg-config (${found}):\n${output}")
  endif()
  run_program()
elseif(mode STREQUAL "mismatch")
  string(REPLACE "|" ";" include_dirs "${include_dirs}")
  list(REMOVE_ITEM include_dirs "" /usr/include)
  list(TRANSFORM include_dirs PREPEND -I)
  set(inputs ${include_dirs} "${library}" "${fmt_library}" -pthread)
  build(${inputs})
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "does not build with the library's own configuration:\n${output}")
  endif()
  build(-DBOOST_ASIO_ENABLE_HANDLER_TRACKING ${inputs})
  if(status EQUAL 0)
    message(FATAL_ERROR "links although BOOST_ASIO_ENABLE_HANDLER_TRACKING is set in the program only")
  endif()
  if(NOT output MATCHES "undefined (reference|symbol)[^\n]*rondo")
    message(FATAL_ERROR "refused, but not for an undefined reference to rondo:\n${output}")
  endif()
else()
  message(FATAL_ERROR "unknown mode '${mode}'; use run, pkg_config or mismatch")
endif()
