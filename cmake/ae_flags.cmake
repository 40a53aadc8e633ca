# Compiler flags of our own code, carried by the INTERFACE target ae_flags.
add_library(ae_flags INTERFACE)
target_include_directories(ae_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_options(ae_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  -fno-math-errno -fno-trapping-math)
# The same products and sums in the base and the v3 build: never fused behind our back.
target_compile_options(ae_flags INTERFACE -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(ae_flags INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarm on `"text" + std::string` at -O2 (GCC bug 105651).
  target_compile_options(ae_flags INTERFACE -Wno-restrict)
endif()
if(AE_BUILD_FUZZERS)
  # The libraries count their edges too; only the fuzz programs link libFuzzer's main.
  target_compile_options(ae_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(ae_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(AE_WERROR)
  target_compile_options(ae_flags INTERFACE -Werror)
endif()
if(AE_SANITIZE)
  string(REPLACE ";" "," ae_sanitize_list "${AE_SANITIZE}")
  target_compile_options(ae_flags INTERFACE -fsanitize=${ae_sanitize_list} -fno-omit-frame-pointer
    -fno-sanitize-recover=all -g)
  target_link_options(ae_flags INTERFACE -fsanitize=${ae_sanitize_list})
endif()
