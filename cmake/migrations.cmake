# penstock_embed_migrations(OUTPUT var NAMESPACE penstock::store::sqlite FILES migrations/0001_name.sql …)
#   Writes a source file that holds the SQL and defines `std::vector<penstock::store::Migration>
#   <namespace>::embedded_migrations()`, ascending. The numbers must run 1, 2, 3 … without a gap.
function(penstock_embed_migrations)
  cmake_parse_arguments(ARG "" "OUTPUT;NAMESPACE" "FILES" ${ARGN})
  set(rows "")
  set(expected 1)
  foreach(file IN LISTS ARG_FILES)
    get_filename_component(stem ${file} NAME_WE)
    if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
      message(FATAL_ERROR "${file}: a migration is called NNNN_words.sql")
    endif()
    set(name ${CMAKE_MATCH_2})
    string(REGEX REPLACE "^0+" "" number ${CMAKE_MATCH_1})
    if(NOT number EQUAL expected)
      message(FATAL_ERROR "${file}: the next migration is number ${expected}")
    endif()
    math(EXPR expected "${expected} + 1")
    file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${file} sql)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    string(APPEND rows "      {${number}, \"${name}\", R\"penstock-sql(${sql})penstock-sql\"},\n")
  endforeach()
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/embedded_migrations.cc)
  string(CONCAT content
    "#include \"store/store.h\"\n\n"
    "namespace ${ARG_NAMESPACE} {\n\n"
    "std::vector<Migration> embedded_migrations();\n\n"
    "std::vector<Migration> embedded_migrations() {\n  return {\n${rows}  };\n}\n\n"
    "}  // namespace ${ARG_NAMESPACE}\n")
  file(GENERATE OUTPUT ${unit} CONTENT "${content}")
  set(${ARG_OUTPUT} ${unit} PARENT_SCOPE)
endfunction()
