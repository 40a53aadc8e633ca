# Everything with the label threads, for the thread sanitizer.
add_custom_target(ae_threads_tests)

# ae_add_test(NAME series_test LABELS unit [threads] DEPS series [LINK ...] SOURCES a_test.cc ...)
#
# One Boost.Test executable; ctest runs it whole. The first source needs no main: the library's is
# linked by BOOST_TEST_DYN_LINK in tests/support/boost_main.cc.
function(ae_add_test)
  cmake_parse_arguments(arg "" "NAME" "LABELS;DEPS;LINK;SOURCES" ${ARGN})
  add_executable(${arg_NAME} ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/tests/support/boost_main.cc)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_compile_definitions(${arg_NAME} PRIVATE
    AE_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data" AE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(AE_SANITIZE)
    # Checks stay, optimising the assertions' templates goes: half the time to compile a test. What
    # is tested is compiled as the preset says.
    target_compile_options(${arg_NAME} PRIVATE -O0)
  endif()
  target_include_directories(${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${arg_NAME} PRIVATE ae_flags Boost::unit_test_framework ${arg_LINK})
  foreach(dep IN LISTS arg_DEPS)
    target_link_libraries(${arg_NAME} PRIVATE anomaly_exporter::${dep})
  endforeach()
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME})
  set_tests_properties(${arg_NAME} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 300)
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(ae_threads_tests ${arg_NAME})
  endif()
endfunction()

# ae_add_fuzz(NAME xor_chunk DEPS sources)
#
# tests/fuzz/<name>_fuzz.cc defines LLVMFuzzerTestOneInput. Always built as <name>_fuzz_replay, which
# ctest runs over tests/fuzz/corpus/<name>/; with AE_BUILD_FUZZERS also as a libFuzzer program.
function(ae_add_fuzz)
  cmake_parse_arguments(arg "" "NAME" "DEPS;LINK" ${ARGN})
  set(targets ${arg_NAME}_fuzz_replay)
  add_executable(${arg_NAME}_fuzz_replay ${PROJECT_SOURCE_DIR}/tests/fuzz/${arg_NAME}_fuzz.cc
    ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
  if(AE_BUILD_FUZZERS)
    add_executable(${arg_NAME}_fuzz ${PROJECT_SOURCE_DIR}/tests/fuzz/${arg_NAME}_fuzz.cc)
    target_compile_options(${arg_NAME}_fuzz PRIVATE -fsanitize=fuzzer)
    target_link_options(${arg_NAME}_fuzz PRIVATE -fsanitize=fuzzer)
    list(APPEND targets ${arg_NAME}_fuzz)
  endif()
  foreach(target IN LISTS targets)
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${target} PRIVATE ae_flags ${arg_LINK})
    foreach(dep IN LISTS arg_DEPS)
      target_link_libraries(${target} PRIVATE anomaly_exporter::${dep})
    endforeach()
  endforeach()
  add_test(NAME ${arg_NAME}_fuzz_replay
    COMMAND ${arg_NAME}_fuzz_replay ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${arg_NAME})
  set_tests_properties(${arg_NAME}_fuzz_replay PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()
