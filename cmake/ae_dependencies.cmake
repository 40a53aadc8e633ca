# Everything comes from the system; nothing is downloaded. Debian 12 package names are in
# scripts/packages.txt.
find_package(Threads REQUIRED)
find_package(CURL 7.84 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(civetweb CONFIG REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(Snappy REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(ZLIB REQUIRED)
find_package(Boost 1.74 REQUIRED)  # Boost.Math, headers only
find_package(date CONFIG REQUIRED)  # time zones: libstdc++ 12 has none
find_package(PkgConfig REQUIRED)
pkg_check_modules(libdeflate REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
if(AE_BUILD_TESTS)
  find_package(Boost 1.74 REQUIRED COMPONENTS unit_test_framework)
  find_package(simdjson REQUIRED)  # oracle of the query decoder
  find_package(Protobuf REQUIRED)  # oracle of the remote-read decoder
endif()
