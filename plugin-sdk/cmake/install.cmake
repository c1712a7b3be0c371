# What authors of plugins get: the test host, a CMake package, files for pkg-config and the templates
# of `sallyport plugin new`. The headers themselves are installed by the top level.
include(CMakePackageConfigHelpers)

set(test_host_sources test_host.c channels.c copy.c provider_check.c
    provider_behaviours.c provider_names.c)
list(TRANSFORM test_host_sources PREPEND plugin-sdk/testing/ OUTPUT_VARIABLE test_host_paths)
add_library(sallyport_test_host STATIC EXCLUDE_FROM_ALL ${test_host_paths})
target_include_directories(sallyport_test_host PUBLIC plugin-sdk/testing)
target_link_libraries(sallyport_test_host PUBLIC sallyport_sdk Threads::Threads)

# The one that is installed is without sanitizers, whatever this build has: it links with tests that
# have them as well as with those that do not.
add_library(sallyport_test_host_installed STATIC ${test_host_paths})
target_link_libraries(sallyport_test_host_installed PRIVATE sallyport_sdk Threads::Threads)
target_compile_options(sallyport_test_host_installed PRIVATE -fno-sanitize=all)
set_target_properties(sallyport_test_host_installed PROPERTIES OUTPUT_NAME sallyport_test_host
  ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/installed)
install(TARGETS sallyport_test_host_installed ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES plugin-sdk/testing/test_host.h plugin-sdk/testing/provider_check.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sallyport/testing)

set(SDK_DATA_DIR ${CMAKE_INSTALL_DATADIR}/sallyport)
set(SDK_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/SallyportPlugin)
configure_package_config_file(plugin-sdk/cmake/SallyportPluginConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfig.cmake
  INSTALL_DESTINATION ${SDK_CMAKE_DIR}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
# The version of the package is that of the ABI: what was written for 1.0 builds with any 1.x.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfigVersion.cmake
  VERSION 1.0 COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
# Found from where the file lies, so that "cmake --install --prefix" may move it.
file(RELATIVE_PATH SDK_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" SDK_PREFIX_FROM_PC ${SDK_PREFIX_FROM_PC})
foreach(module sallyport-plugin sallyport-test-host)
  configure_file(plugin-sdk/pkgconfig/${module}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${module}.pc @ONLY)
endforeach()

install(FILES ${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfigVersion.cmake
        DESTINATION ${SDK_CMAKE_DIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sallyport-plugin.pc
              ${CMAKE_CURRENT_BINARY_DIR}/sallyport-test-host.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY plugin-sdk/template DESTINATION ${SDK_DATA_DIR})
# Where `sallyport plugin new` looks for them, and for the plugins that a sample uses: by its own
# place, since "cmake --install --prefix" may move everything; or, not installed, beside the program.
target_compile_definitions(sallyport PRIVATE
  SALLYPORT_DATA_DIR="${CMAKE_INSTALL_FULL_DATADIR}/sallyport"
  SALLYPORT_DATA_BELOW="${SDK_DATA_DIR}"
  SALLYPORT_PLUGINS_BELOW="${SALLYPORT_PLUGIN_DIR}")
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/share/sallyport)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/plugin-sdk/template
     ${CMAKE_CURRENT_BINARY_DIR}/share/sallyport/template SYMBOLIC)
