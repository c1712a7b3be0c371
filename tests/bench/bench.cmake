# bench_call: what a call of a plugin costs; see its head. bench.sh, for transfers, builds for itself.
set(BENCH_PLUGIN_DIR ${CMAKE_BINARY_DIR}/tests/bench/plugins)
add_library(bench_no-op MODULE ${CMAKE_CURRENT_SOURCE_DIR}/bench/plugins/no-op.c)
target_link_libraries(bench_no-op PRIVATE sallyport_sdk)
set_target_properties(bench_no-op PROPERTIES PREFIX "" OUTPUT_NAME no-op
                      LIBRARY_OUTPUT_DIRECTORY ${BENCH_PLUGIN_DIR}/no-op)
place_plugin(bench_no-op bench/plugins/no-op.json ${BENCH_PLUGIN_DIR}/no-op)
add_executable(bench_call ${CMAKE_CURRENT_SOURCE_DIR}/bench/bench_call.c)
target_link_libraries(bench_call PRIVATE core_plugin)
target_compile_definitions(bench_call PRIVATE BENCH_BUILD_DIR="${CMAKE_BINARY_DIR}")
add_dependencies(bench_call bench_no-op)
