# Plugins' unit tests: plugins/<name>/test_*.c, each compiled with the plugin's own sources and run
# in the SDK's test host.
function(plugin_test name)
  if(NOT TARGET plugin_${name})
    return()
  endif()
  get_target_property(libraries plugin_${name} LINK_LIBRARIES)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugins/${name}/*.c)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "/test_[^/]*$")
  list(FILTER tests INCLUDE REGEX "/test_[^/]*$")
  foreach(test ${tests})
    get_filename_component(target ${test} NAME_WE)
    add_executable(${target} ${test} ${sources})
    target_link_libraries(${target} PRIVATE sallyport_test_host PkgConfig::CMOCKA ${libraries})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
    target_compile_definitions(${target} PRIVATE TEST_BUILD_DIR="${CMAKE_BINARY_DIR}")
    add_test(NAME plugins/${target} COMMAND ${target})
    set_tests_properties(plugins/${target} PROPERTIES TIMEOUT 120)
  endforeach()
endfunction()

foreach(name auth-file auth-keys auth-totp auth-http auth-pam auth-ldap fs-posix fs-memory exec-shell echo sftp-audit sftp-quota sftp-rules sftp-atomic sftp-notify fs-s3)
  plugin_test(${name})
endforeach()
if(SQLITE_FOUND)
  plugin_test(auth-sql)
endif()

# A PAM module for auth-pam's test.
if(TARGET test_auth_pam)
  add_library(pam_players MODULE support/pam_players.c)
  target_link_libraries(pam_players PRIVATE PkgConfig::PAM)
  set_target_properties(pam_players PROPERTIES PREFIX ""
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/pam)
  add_dependencies(test_auth_pam pam_players)
endif()

# The hash that auth-file reads is made by the command's own source.
add_executable(test_passwd unit/cli/test_passwd.c ${CMAKE_SOURCE_DIR}/core/cli/passwd.c)
target_compile_definitions(test_passwd PRIVATE ${SALLYPORT_DEFINITIONS})
target_link_libraries(test_passwd PRIVATE core_base ${CRYPT_LIBRARY} PkgConfig::CMOCKA util)
add_test(NAME cli/test_passwd COMMAND test_passwd)
set_tests_properties(cli/test_passwd PROPERTIES TIMEOUT 120)
