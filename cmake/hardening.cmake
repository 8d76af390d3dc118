# Position independent, read-only relocations, stack and heap checks; not together with sanitizers,
# which bring their own.
add_library(penstock_hardening INTERFACE)
if(NOT PENSTOCK_SANITIZE)
  target_compile_options(penstock_hardening INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fcf-protection
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE> $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=3>)
  target_compile_definitions(penstock_hardening INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(penstock_hardening INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
