# Plugins that misbehave, one for each way to do so; the puppet, which does what a test tells it; and
# asks-twice, for keyboard-interactive; the switchboard, for channels; and the observer, for
# connections and the log; and the meddler, for operations on files. tests/unit and tests/integration drive them. Each is plugins/<name>.c with
# plugins/<name>.json as its manifest.
set(FAULT_PLUGIN_DIR ${CMAKE_BINARY_DIR}/tests/fault/plugins)
add_custom_target(fault_plugins)

# fault_plugin(<name> [source]): the manifest is always the plugin's own.
function(fault_plugin name)
  set(source ${name})
  if(ARGC GREATER 1)
    set(source ${ARGV1})
  endif()
  add_library(fault_${name} MODULE ${CMAKE_CURRENT_SOURCE_DIR}/fault/plugins/${source}.c)
  target_link_libraries(fault_${name} PRIVATE sallyport_sdk Threads::Threads)
  target_compile_definitions(fault_${name} PRIVATE FAULT_ID="${name}")
  set_target_properties(fault_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
                        LIBRARY_OUTPUT_DIRECTORY ${FAULT_PLUGIN_DIR}/${name})
  place_plugin(fault_${name} fault/plugins/${name}.json ${FAULT_PLUGIN_DIR}/${name})
  add_dependencies(fault_plugins fault_${name})
endfunction()

foreach(name missing-symbol other-abi short-struct disagrees crash-in-constructor create-fails
             answers-twice never-answers answers-late blocks garbage-verdict absurd-reply asks-twice
             observer slow-witness)
  fault_plugin(${name})
endforeach()
fault_plugin(wrong-everywhere disagrees)
foreach(name after-cancel crasher stale-ids undefined-symbol wild-pointers)
  fault_plugin(${name})
endforeach()
target_link_libraries(fault_crasher PRIVATE PkgConfig::JANSSON)
fault_plugin(judge)
target_link_libraries(fault_judge PRIVATE PkgConfig::JANSSON)
foreach(threading reactor connection serial)
  fault_plugin(puppet-${threading} puppet)
endforeach()
# Not all of them have every interface, so that one can be missing.
target_compile_definitions(fault_puppet-reactor PRIVATE PUPPET_HAS_LOG)
target_compile_definitions(fault_puppet-connection PRIVATE PUPPET_HAS_LOG)
foreach(threading reactor connection)
  fault_plugin(rogue-${threading} rogue)
endforeach()
foreach(threading reactor connection serial)
  fault_plugin(meddler-${threading} meddler)
  target_link_libraries(fault_meddler-${threading} PRIVATE PkgConfig::JANSSON)
endforeach()
foreach(threading reactor serial)
  fault_plugin(switchboard-${threading} switchboard)
endforeach()

# Not an object at all.
set(dir ${FAULT_PLUGIN_DIR}/not-elf)
configure_file(fault/plugins/not-elf.json ${dir}/manifest.json COPYONLY
               FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
configure_file(fault/plugins/not-elf.so ${dir}/not-elf.so COPYONLY
               FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(CHMOD ${dir} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
     WORLD_READ WORLD_EXECUTE)

foreach(test test_instance test_loader test_plugin_call test_remote test_plugin_service
             test_plugin_fault test_counting test_chain test_log_feed)
  if(TARGET ${test})
    add_dependencies(${test} fault_plugins)
    target_include_directories(${test} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/fault/plugins)
  endif()
endforeach()

# `sallyport plugin`: what it says of each of them. In its child, a crash must stay a crash.
function(plugin_command_test name says)
  add_test(NAME fault/${name} COMMAND sallyport plugin ${ARGN} --directory ${FAULT_PLUGIN_DIR})
  set_tests_properties(fault/${name} PROPERTIES PASS_REGULAR_EXPRESSION "${says}" TIMEOUT 60
    ENVIRONMENT "ASAN_OPTIONS=handle_segv=0;TSAN_OPTIONS=handle_segv=0")
endfunction()
plugin_command_test(check-good "no mistakes" check puppet-serial)
plugin_command_test(check-path "no mistakes" check ${FAULT_PLUGIN_DIR}/puppet-serial)
plugin_command_test(check-crash "crashes while it is loaded" check crash-in-constructor)
plugin_command_test(check-json "\"ok\": false" check crash-in-constructor --json)
plugin_command_test(check-disagrees "has the version \"0.9\"" check disagrees)
plugin_command_test(check-everything "thredding.*ABI 1.7 cannot.*has the id \"somebody-else.*gives 0 as its size"
                    check wrong-everywhere)
plugin_command_test(check-undefined "cannot be loaded: .*undefined symbol: nobody_has_this"
                    check undefined-symbol)
plugin_command_test(check-configuration "/plugins/1/threading.*/plugins/1/config/strings: must be at least 1"
                    check puppet-serial --config ${CMAKE_CURRENT_SOURCE_DIR}/fault/check.json)
plugin_command_test(check-unknown "no plugin \"nobody\"" check nobody)
plugin_command_test(info "interface      sallyport.fs/1: read write stat readdir" info puppet-reactor)
plugin_command_test(info-json "\"auth.password\"" info puppet-reactor --json)
plugin_command_test(info-hook "before +directory.create .*lock.*after +directory.create.*with +data listings"
                    info meddler-reactor)
plugin_command_test(list "puppet-serial +1.0 +serial +connection/1,auth/1,channel/1,fs/1" list)
plugin_command_test(list-json "\"name\": \"never-answers\"" list --json)

# The daemon with calls that fail on demand; beside the plugins, where integration tests find it. It is told when by the tap.
if(SALLYPORT_TAP_KIND STREQUAL "static")
  get_target_property(sources sallyportd SOURCES)
  list(TRANSFORM sources PREPEND ${CMAKE_SOURCE_DIR}/)
  get_target_property(libraries sallyportd LINK_LIBRARIES)
  add_executable(sallyportd_failing ${sources} fault/failing.c)
  target_link_libraries(sallyportd_failing PRIVATE ${libraries} PkgConfig::OPENSSL)
  target_compile_definitions(sallyportd_failing PRIVATE ${SALLYPORT_DEFINITIONS})
  foreach(name malloc calloc realloc reallocarray strdup strndup EVP_DigestVerify
               EVP_DigestVerifyInit auth_on_request_packet)
    target_link_options(sallyportd_failing PRIVATE -Wl,--wrap=${name})
  endforeach()
  set_target_properties(sallyportd_failing PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${FAULT_PLUGIN_DIR})
endif()
