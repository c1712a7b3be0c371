# The fuzz targets, with clang; see tests/fuzz/fuzz.cmake. Optimised, and with assertions.
set(CMAKE_C_COMPILER clang CACHE STRING "")
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(CMAKE_C_FLAGS_DEBUG "-g -O1" CACHE STRING "")
set(SALLYPORT_SANITIZE "address,undefined,fuzzer-no-link" CACHE STRING "")
set(SALLYPORT_TESTS OFF CACHE BOOL "")
set(SALLYPORT_FUZZ ON CACHE BOOL "")
