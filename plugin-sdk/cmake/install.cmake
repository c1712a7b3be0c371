# What authors of plugins get: the test host, a CMake package, a pkg-config file and a template. The
# headers themselves are installed by the top level.
#
# The test host is installed as source: a plugin's tests then compile it with their own compiler and
# sanitizers.
include(CMakePackageConfigHelpers)

set(test_host_sources test_host.c channels.c copy.c)
list(TRANSFORM test_host_sources PREPEND plugin-sdk/testing/ OUTPUT_VARIABLE test_host_paths)
add_library(sallyport_test_host STATIC EXCLUDE_FROM_ALL ${test_host_paths})
target_include_directories(sallyport_test_host PUBLIC plugin-sdk/testing)
target_link_libraries(sallyport_test_host PUBLIC sallyport_sdk Threads::Threads)

set(SDK_DATA_DIR ${CMAKE_INSTALL_DATADIR}/sallyport)
set(SDK_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/SallyportPlugin)
configure_package_config_file(plugin-sdk/cmake/SallyportPluginConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfig.cmake
  INSTALL_DESTINATION ${SDK_CMAKE_DIR}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR SDK_DATA_DIR)
# The version of the package is that of the ABI: what was written for 1.0 builds with any 1.x.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfigVersion.cmake
  VERSION 1.0 COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
# Found from where the file lies, so that "cmake --install --prefix" may move it.
file(RELATIVE_PATH SDK_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" SDK_PREFIX_FROM_PC ${SDK_PREFIX_FROM_PC})
configure_file(plugin-sdk/pkgconfig/sallyport-plugin.pc.in
               ${CMAKE_CURRENT_BINARY_DIR}/sallyport-plugin.pc @ONLY)

install(FILES ${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/SallyportPluginConfigVersion.cmake
        DESTINATION ${SDK_CMAKE_DIR})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sallyport-plugin.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY plugin-sdk/testing/ DESTINATION ${SDK_DATA_DIR}/testing
        FILES_MATCHING PATTERN "*.[ch]")
install(DIRECTORY plugin-sdk/template DESTINATION ${SDK_DATA_DIR})
