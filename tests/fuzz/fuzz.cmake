# Fuzz targets: fuzz_<name>.c, with seeds in corpus/<name>/. clang's libFuzzer drives them:
#     cmake -C config/build/fuzz.cmake -B build/fuzz && cmake --build build/fuzz
#     mkdir -p found && build/fuzz/tests/fuzz_wire found tests/fuzz/corpus/wire
if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "SALLYPORT_FUZZ needs clang: set CMAKE_C_COMPILER, or use config/build/fuzz.cmake")
endif()

# Links the lowest folder that has what the target feeds.
function(fuzz_target name)
  add_executable(fuzz_${name} fuzz/fuzz_${name}.c)
  target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()

fuzz_target(wire core_base)
fuzz_target(vpath core_base)
fuzz_target(log core_base PkgConfig::JANSSON)
fuzz_target(config core_config)
fuzz_target(marshal core_plugin)
fuzz_target(certificate core_keys)
fuzz_target(revoked core_keys)
fuzz_target(private_key core_keys)
fuzz_target(authorized_keys plugin_common)
fuzz_target(proposal core_session)
fuzz_target(auth core_session)
fuzz_target(framer core_base sallyport_sdk)
target_sources(fuzz_framer PRIVATE ${CMAKE_SOURCE_DIR}/core/session/framer.c)
target_include_directories(fuzz_framer PRIVATE ${CMAKE_SOURCE_DIR}/core)
fuzz_target(payload sallyport_sdk)

# The engine and scp, on the mocks of their unit tests.
set(SFTP_MOCKS unit/sftp/mock.c unit/sftp/store.c ${CMAKE_SOURCE_DIR}/core/plugin/layout.c
    ${CMAKE_SOURCE_DIR}/core/plugin/layout_copy.c
    $<TARGET_OBJECTS:core_sftp>)
foreach(name sftp scp tree extensions)
  fuzz_target(${name} core_base sallyport_sdk ZLIB::ZLIB)
  target_sources(fuzz_${name} PRIVATE ${SFTP_MOCKS})
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/core ${CMAKE_CURRENT_SOURCE_DIR}
                             ${CMAKE_CURRENT_SOURCE_DIR}/unit/sftp)
endforeach()

# What goes over the wire, without the engine.
foreach(name sftp_codec sftp_attributes)
  fuzz_target(${name} core_base sallyport_sdk)
  foreach(part acl attributes codec_extensions codec_open codec_reply codec_request longname status utf8)
    target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/core/sftp/${part}.c)
  endforeach()
  target_include_directories(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/core)
endforeach()

# fs-s3 without its transport.
if(TARGET plugin_fs-s3)
  fuzz_target(s3 plugin_common PkgConfig::EXPAT)
  foreach(part answer directory list metadata names object upload uri xml)
    target_sources(fuzz_s3 PRIVATE ${CMAKE_SOURCE_DIR}/plugins/fs-s3/${part}.c)
  endforeach()
endif()
