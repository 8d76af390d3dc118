# Applied to every target of the build, third-party headers included.
if(PENSTOCK_SANITIZE)
  add_compile_options(-fsanitize=${PENSTOCK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PENSTOCK_SANITIZE})
endif()
if(PENSTOCK_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
