# Third parties, each as one imported target whose headers count as system headers. A room links what
# it needs PRIVATE, so that a wrong include does not link.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(tl-expected QUIET)

foreach(library IN ITEMS libpq rdkafka librabbitmq sqlite3 tomlplusplus spdlog fmt)
  string(TOUPPER ${library} name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${library})
endforeach()

pkg_check_modules(PROMETHEUS_CPP REQUIRED IMPORTED_TARGET prometheus-cpp-core)
find_package(Boost 1.81 REQUIRED CONFIG)

find_package(CLI11 REQUIRED)
if(PENSTOCK_TESTS)
  find_package(GTest REQUIRED)
endif()
