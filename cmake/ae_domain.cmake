# ae_add_domain(NAME stats DEPS core SOURCES moments.cc ... [LINK system::target ...])
#
# One folder under src/ is one domain: a static library anomaly_exporter_<name> with the alias
# anomaly_exporter::<name>. DEPS are other domains; tests/lint/layering holds them against the table
# of what may include what.
function(ae_add_domain)
  cmake_parse_arguments(arg "" "NAME" "DEPS;SOURCES;LINK" ${ARGN})
  set(target anomaly_exporter_${arg_NAME})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE ${arg_LINK})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(anomaly_exporter::${arg_NAME} ALIAS ${target})
  target_link_libraries(${target} ${scope} ae_flags)
  foreach(dep IN LISTS arg_DEPS)
    target_link_libraries(${target} ${scope} anomaly_exporter::${dep})
  endforeach()
endfunction()

# ae_add_v3_kernels(DOMAIN stats SOURCES kernels_v3.cc)
#
# Compiles the listed sources for x86-64-v3 and adds them to the domain's library. They are entered
# only through the table that core::detected_cpu_level() chooses at start.
function(ae_add_v3_kernels)
  cmake_parse_arguments(arg "" "DOMAIN" "SOURCES" ${ARGN})
  set(target anomaly_exporter_${arg_DOMAIN}_v3)
  add_library(${target} OBJECT ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ae_flags)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(${target} PRIVATE -march=x86-64-v3 -O3)
  endif()
  target_sources(anomaly_exporter_${arg_DOMAIN} PRIVATE $<TARGET_OBJECTS:${target}>)
endfunction()
