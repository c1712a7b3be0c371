# The plugin ABI: headers that any C99 or C++11 compiler takes; the ledger of the frozen version, of
# which every line still holds; and plugins of other minor versions in today's host.
set(ABI_FROZEN ${CMAKE_SOURCE_DIR}/plugin-sdk/abi/1.0)
set(ABI_FUTURE ${CMAKE_CURRENT_BINARY_DIR}/abi/future)
set(ABI_PLUGIN_DIR ${CMAKE_CURRENT_BINARY_DIR}/abi/plugins)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME abi/headers COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/abi/check_headers.sh
         ${CMAKE_SOURCE_DIR}/plugin-sdk/include ${CMAKE_SOURCE_DIR}/docs/man/sallyport-plugin.3)
file(GLOB frozen_versions CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugin-sdk/abi/*/ledger.txt)
foreach(ledger ${frozen_versions})
  get_filename_component(folder ${ledger} DIRECTORY)
  get_filename_component(version ${folder} NAME)
  add_test(NAME abi/ledger-of-${version} COMMAND ${Python3_EXECUTABLE} -B
           ${CMAKE_CURRENT_SOURCE_DIR}/abi/ledger.py ${folder}/include ${ledger})
  add_test(NAME abi/ledger-of-${version}-today COMMAND ${Python3_EXECUTABLE} -B
           ${CMAKE_CURRENT_SOURCE_DIR}/abi/ledger.py ${CMAKE_SOURCE_DIR}/plugin-sdk/include ${ledger})
endforeach()
add_test(NAME abi/layout COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/abi/check_layout.py
         ${CMAKE_SOURCE_DIR}/plugin-sdk/include ${CMAKE_SOURCE_DIR}/core/plugin/layout.c)

# The headers of a later minor version, made from today's.
file(GLOB sdk_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugin-sdk/include/sallyport/*.h)
add_custom_command(OUTPUT ${ABI_FUTURE}/sallyport/plugin.h
  DEPENDS ${sdk_headers} abi/future_headers.py abi/ledger.py
  COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/abi/future_headers.py
          ${CMAKE_SOURCE_DIR}/plugin-sdk/include ${ABI_FUTURE})
add_custom_target(abi_future DEPENDS ${ABI_FUTURE}/sallyport/plugin.h)

# abi_plugin(NAME INCLUDE_DIRECTORY NEEDS): exercise.c against those headers.
function(abi_plugin name include abi)
  add_library(abi_${name} MODULE abi/plugins/exercise.c)
  target_include_directories(abi_${name} PRIVATE ${include})
  target_compile_definitions(abi_${name} PRIVATE EXERCISE_ID="${name}")
  set_target_properties(abi_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                        LIBRARY_OUTPUT_DIRECTORY ${ABI_PLUGIN_DIR}/${name})
  configure_file(abi/plugins/exercise.json.in ${CMAKE_CURRENT_BINARY_DIR}/abi/${name}.json @ONLY)
  place_plugin(abi_${name} ${CMAKE_CURRENT_BINARY_DIR}/abi/${name}.json ${ABI_PLUGIN_DIR}/${name})
  add_dependencies(abi_${name} abi_future)
  add_dependencies(test_growth abi_${name})
endfunction()

add_executable(test_growth abi/test_growth.c)
target_link_libraries(test_growth PRIVATE core_plugin PkgConfig::CMOCKA)
target_include_directories(test_growth PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(test_growth PRIVATE TEST_BUILD_DIR="${CMAKE_BINARY_DIR}")
add_test(NAME abi/test_growth COMMAND test_growth)
set_tests_properties(abi/test_growth PROPERTIES TIMEOUT 120)
abi_plugin(exercise-frozen ${ABI_FROZEN}/include 1.0)
abi_plugin(exercise-future ${ABI_FUTURE} 1.0)
abi_plugin(exercise-needs ${ABI_FUTURE} 1.99)
