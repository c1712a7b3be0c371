# For tests of what runs on several threads: ThreadSanitizer.
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(SALLYPORT_SANITIZE "thread" CACHE STRING "")
set(SALLYPORT_WERROR ON CACHE BOOL "")
