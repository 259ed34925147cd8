# Warnings, hardening, sanitizers, linker and compiler cache: the same for every room.
set(WRIT_SANITIZE "" CACHE STRING "Sanitizers: address,undefined | thread | empty")
option(WRIT_WERROR "Warnings are errors" ON)
option(WRIT_FUZZ "Build the fuzzers too (clang only), with the sanitizers address and undefined" OFF)
option(WRIT_COVERAGE "Instrument for coverage" OFF)
set(WRIT_TEST_OPTIONS "" CACHE STRING "More compiler options for the sources of test programs")
set(WRIT_CORE_OPTIONS "" CACHE STRING "More compiler options for core and the rooms that call it")
option(WRIT_PCH "Precompile the headers that nearly every file reads" OFF)

find_program(WRIT_CCACHE ccache)
if(WRIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${WRIT_CCACHE})
endif()
find_program(WRIT_MOLD mold)
if(WRIT_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-missing-field-initializers)
if(WRIT_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)  # so that ccache knows what a precompiled header holds
endif()
# All code is compiled once, for programs and for libwrit: position independent, with names that no
# other library can replace, so that calls are as direct as in a program alone. Said here and not by
# CMake's properties, which differ between libraries and programs: a precompiled header fits code
# of its own kind alone.
add_compile_options(-fPIC -fvisibility=hidden -fvisibility-inlines-hidden -fno-semantic-interposition)
add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
if(WRIT_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-deprecated-declarations)  # of libstdc++ 12 itself, inside stable_sort
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of g++ 12 at -O2 inside libstdc++ (GCC bugs 105329, 105562, 105593).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
                      -Wno-stringop-overread -Wno-array-bounds -Wno-dangling-pointer)
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS BOOST_ALL_NO_LIB)
add_compile_options(-fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -g1)
endif()
if(WRIT_FUZZ AND NOT WRIT_SANITIZE)
  set(WRIT_SANITIZE address,undefined)
endif()
if(WRIT_SANITIZE)
  add_compile_options(-fsanitize=${WRIT_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WRIT_SANITIZE})
  if(WRIT_SANITIZE MATCHES "thread")
    # The sanitizer cannot see bare fences; Asio's own locks order the same memory.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
  if(WRIT_SANITIZE MATCHES "undefined")
    # What is left out takes half of the compile time, and what it finds ends the program anyway, or
    # the address sanitizer sees it.
    add_compile_options(-fno-sanitize-recover=undefined -fno-sanitize=null,object-size,vptr)
  endif()
endif()
if(WRIT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(WRIT_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
