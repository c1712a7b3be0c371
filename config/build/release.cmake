# Optimised and with debug information: what is installed.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(SALLYPORT_TESTS OFF CACHE BOOL "")
