# Version, revision and branch for --version, build_info and the landing page.
find_package(Git QUIET)
set(AE_REVISION "unknown")
set(AE_BRANCH "unknown")
if(Git_FOUND AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --short HEAD
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE ae_revision
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --abbrev-ref HEAD
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE ae_branch
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(ae_revision)
    set(AE_REVISION ${ae_revision})
    set(AE_BRANCH ${ae_branch})
  endif()
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/version.h.in
  ${PROJECT_BINARY_DIR}/generated/anomaly_exporter/core/version.h @ONLY)
