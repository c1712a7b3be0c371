# What plugin authors get: the test host, the CMake package and the pkg-config file. The headers
# themselves are installed by the top level.
add_library(sallyport_test_host STATIC
  plugin-sdk/testing/test_host.c plugin-sdk/testing/channels.c plugin-sdk/testing/copy.c)
target_include_directories(sallyport_test_host PUBLIC plugin-sdk/testing)
target_link_libraries(sallyport_test_host PUBLIC sallyport_sdk Threads::Threads)
