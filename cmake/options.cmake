# What can be chosen at configure time, and the language level.
option(PENSTOCK_TESTS "Build the test suites" ${PROJECT_IS_TOP_LEVEL})
option(PENSTOCK_BENCH "Build the benchmarks" OFF)
option(PENSTOCK_WERROR "Treat warnings as errors" ${PROJECT_IS_TOP_LEVEL})
set(PENSTOCK_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, address,undefined or thread")
option(PENSTOCK_FUZZ "Build the fuzz targets with libFuzzer (clang); else they only replay their corpora" OFF)
option(PENSTOCK_COVERAGE "Instrument for gcov" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(PENSTOCK_CCACHE ccache)
if(PENSTOCK_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Every clone of this source finds what another one has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=true ${PENSTOCK_CCACHE})
endif()
