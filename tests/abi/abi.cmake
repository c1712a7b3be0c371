# The plugin ABI: headers that any C99 or C++11 compiler takes.

# Each header by itself, as C99 and as C++11, with warnings that authors may have turned on.
add_test(NAME abi/headers COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/abi/check_headers.sh
         ${CMAKE_SOURCE_DIR}/plugin-sdk/include)
