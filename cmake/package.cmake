# Install rules, the package for find_package (installed and straight from the build tree), and those for pkg-config.
# SPDX-License-Identifier: BSL-1.0
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(RONDO_COMPONENTS core two_phase)
set(rondo_pc_packages rondo rondo-two-phase)
if(TARGET rondo_two_phase_tcp)
  list(APPEND RONDO_COMPONENTS two_phase_tcp)
  list(APPEND rondo_pc_packages rondo-two-phase-tcp)
endif()
set(rondo_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/rondo")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/rondo-config.cmake.in"
  "${PROJECT_BINARY_DIR}/rondo-config.cmake"
  INSTALL_DESTINATION "${rondo_config_dir}"
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break source compatibility.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/rondo-config-version.cmake" COMPATIBILITY SameMinorVersion)

# Not in a project that only embeds rondo: CMake would refuse there if that project's own Boost or fmt is not exported.
if(PROJECT_IS_TOP_LEVEL OR RONDO_INSTALL)
  export(TARGETS rondo rondo_two_phase NAMESPACE rondo:: FILE "${PROJECT_BINARY_DIR}/rondo-targets.cmake")
  # In a file of its own, which is left out where OpenSSL is missing: the others can be used all the same.
  if(TARGET rondo_two_phase_tcp)
    export(TARGETS rondo_two_phase_tcp NAMESPACE rondo::
      FILE "${PROJECT_BINARY_DIR}/rondo-two-phase-tcp-targets.cmake")
  endif()
endif()

if(NOT RONDO_INSTALL)
  return()
endif()

install(TARGETS rondo rondo_two_phase EXPORT rondo-targets FILE_SET HEADERS)
install(TARGETS rondo-txlog)
install(EXPORT rondo-targets NAMESPACE rondo:: DESTINATION "${rondo_config_dir}")
if(TARGET rondo_two_phase_tcp)
  install(TARGETS rondo_two_phase_tcp EXPORT rondo-two-phase-tcp-targets FILE_SET HEADERS)
  install(EXPORT rondo-two-phase-tcp-targets NAMESPACE rondo:: DESTINATION "${rondo_config_dir}")
endif()
install(FILES "${PROJECT_BINARY_DIR}/rondo-config.cmake" "${PROJECT_BINARY_DIR}/rondo-config-version.cmake"
  DESTINATION "${rondo_config_dir}")

# Paths relative to the file, so that `cmake --install --prefix` and moved trees work.
set(rondo_pc_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH RONDO_PC_PREFIX "${rondo_pc_dir}" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" RONDO_PC_PREFIX "${RONDO_PC_PREFIX}")
file(RELATIVE_PATH RONDO_PC_LIBDIR "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH RONDO_PC_INCLUDEDIR "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
set(RONDO_PC_DEFINITION "")
if(rondo_definition)
  set(RONDO_PC_DEFINITION "-D${rondo_definition}")
endif()
foreach(package IN LISTS rondo_pc_packages)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${package}.pc.in" "${PROJECT_BINARY_DIR}/${package}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${package}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
