# libwrit: the room embed and what it calls, as a shared library with a C interface. It exports what
# begins with writ_ and nothing else. The rooms' own objects are made for programs, so their sources are
# compiled once more, as position independent code; its target is not part of `all`.
#   ninja libwrit; cmake --install BUILD --component libwrit --prefix PREFIX
set(WRIT_ABI 1)  # WRIT_ABI_VERSION of src/embed/writ.h counts additions, this what breaks

file(GLOB libwrit_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/base/*.cc
     ${CMAKE_SOURCE_DIR}/src/cedar/*.cc ${CMAKE_SOURCE_DIR}/src/embed/*.cc)
list(FILTER libwrit_sources EXCLUDE REGEX "_(test|fuzz)\\.cc$")
# What only the command line needs, and what only the server does.
list(FILTER libwrit_sources EXCLUDE REGEX
     "/cedar/(command|conform|format|layout|search|next_change|tpe)[^/]*$")
list(FILTER libwrit_sources EXCLUDE REGEX "/base/(clock|file|log|random|secret)[^/]*$")

set_source_files_properties(${CMAKE_SOURCE_DIR}/src/embed/writ.cc PROPERTIES
  COMPILE_DEFINITIONS WRIT_PROJECT_VERSION="${PROJECT_VERSION}")
add_library(libwrit SHARED EXCLUDE_FROM_ALL ${libwrit_sources})
set_target_properties(libwrit PROPERTIES
  OUTPUT_NAME writ VERSION ${WRIT_ABI}.${PROJECT_VERSION} SOVERSION ${WRIT_ABI}
  CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
  LINK_DEPENDS ${CMAKE_SOURCE_DIR}/src/embed/libwrit.map
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_compile_options(libwrit PRIVATE -fPIC -fno-semantic-interposition -ffunction-sections)
target_link_options(libwrit PRIVATE -no-pie -Wl,--no-undefined -Wl,--gc-sections
  -Wl,--version-script=${CMAKE_SOURCE_DIR}/src/embed/libwrit.map)
target_include_directories(libwrit PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(libwrit PRIVATE ${WRIT_BOOST_JSON} Threads::Threads)
if(WRIT_PCH)
  target_precompile_headers(libwrit PRIVATE ${WRIT_PCH_BASE})
endif()

configure_file(${CMAKE_SOURCE_DIR}/src/embed/writ.pc.in ${CMAKE_BINARY_DIR}/writ.pc @ONLY)
install(TARGETS libwrit LIBRARY DESTINATION lib COMPONENT libwrit OPTIONAL)
install(FILES ${CMAKE_SOURCE_DIR}/src/embed/writ.h DESTINATION include
        COMPONENT libwrit)
install(FILES ${CMAKE_BINARY_DIR}/writ.pc DESTINATION lib/pkgconfig
        COMPONENT libwrit)
