# libwrit: the room embed and what it calls, as a shared library with a C interface. It exports what
# begins with writ_ and nothing else, and holds of the other rooms what embed needs. It is not part
# of `all`.
#   ninja libwrit; cmake --install BUILD --component libwrit --prefix PREFIX
set(WRIT_ABI 1)  # WRIT_ABI_VERSION of src/embed/writ.h counts additions, this what breaks

set_source_files_properties(${CMAKE_SOURCE_DIR}/src/embed/writ.cc PROPERTIES
  COMPILE_DEFINITIONS WRIT_PROJECT_VERSION="${PROJECT_VERSION}")
add_library(libwrit SHARED EXCLUDE_FROM_ALL $<TARGET_OBJECTS:writ_embed>)
set_target_properties(libwrit PROPERTIES
  OUTPUT_NAME writ VERSION ${WRIT_ABI}.${PROJECT_VERSION} SOVERSION ${WRIT_ABI}
  LINK_DEPENDS ${CMAKE_SOURCE_DIR}/src/embed/libwrit.map
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_options(libwrit PRIVATE -Wl,--no-undefined
  -Wl,--version-script=${CMAKE_SOURCE_DIR}/src/embed/libwrit.map)
target_link_libraries(libwrit PRIVATE $<TARGET_PROPERTY:writ_embed,LINK_LIBRARIES>)

configure_file(${CMAKE_SOURCE_DIR}/src/embed/writ.pc.in ${CMAKE_BINARY_DIR}/writ.pc @ONLY)
install(TARGETS libwrit LIBRARY DESTINATION lib COMPONENT libwrit OPTIONAL)
install(FILES ${CMAKE_SOURCE_DIR}/src/embed/writ.h DESTINATION include
        COMPONENT libwrit)
install(FILES ${CMAKE_BINARY_DIR}/writ.pc DESTINATION lib/pkgconfig
        COMPONENT libwrit)
