# penstock_add_module(NAME core SOURCES … [HEADERS …] [PUBLIC …] [PRIVATE …])
#   One static library a room: target penstock_<name>, alias penstock::<name>. Includes are written
#   from the project's root ("store/event_log.h"). Headers are listed, and each must compile alone: a
#   header with a source of its name does so there, as scripts/check-includes wants it to be included
#   first; for the others a source is made here.
function(penstock_add_module)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  set(target penstock_${ARG_NAME})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(penstock::${ARG_NAME} ALIAS ${target})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${target}
    PUBLIC ${ARG_PUBLIC} Threads::Threads
    PRIVATE ${ARG_PRIVATE} penstock_warnings penstock_hardening)

  set(lines "")
  foreach(header IN LISTS ARG_HEADERS)
    string(REGEX REPLACE "\\.h$" ".cc" source ${header})
    if(source IN_LIST ARG_SOURCES)
      continue()
    endif()
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${header})
    string(MAKE_C_IDENTIFIER ${path} stem)
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/self_contained/${stem}.cc)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${path}\"\n")
    list(APPEND lines ${unit})
  endforeach()
  if(lines AND PENSTOCK_TESTS)
    add_library(${target}_headers OBJECT ${lines})
    target_link_libraries(${target}_headers PRIVATE ${target} ${ARG_PRIVATE} penstock_warnings)
  endif()
endfunction()

# penstock_add_test(NAME unit_core LABEL unit [SERIAL] [TIMEOUT seconds] SOURCES … LINK …)
#   One test program; every case is a ctest test with this label (unit, contract, pg, kafka, rmq, fault, e2e).
#   SERIAL: nothing else runs meanwhile, for suites that crash the shared servers. The target
#   suite_<label> builds all programs of a label.
function(penstock_add_test)
  cmake_parse_arguments(ARG "SERIAL" "NAME;LABEL;TIMEOUT" "SOURCES;LINK;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_include_directories(${ARG_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LINK} GTest::gtest_main GTest::gmock penstock_warnings)
  set(properties LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
  if(ARG_SERIAL)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  gtest_discover_tests(${ARG_NAME} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    TEST_PREFIX "${ARG_NAME}." PROPERTIES ${properties})
  if(NOT TARGET suite_${ARG_LABEL})
    add_custom_target(suite_${ARG_LABEL})
  endif()
  add_dependencies(suite_${ARG_LABEL} ${ARG_NAME})
endfunction()

include(GoogleTest)
