# For tests: AddressSanitizer and UndefinedBehaviorSanitizer.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(SALLYPORT_SANITIZE "address,undefined" CACHE STRING "")
set(SALLYPORT_WERROR ON CACHE BOOL "")
