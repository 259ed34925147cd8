// How tests differ in a program that is built with a sanitizer: what they measure means nothing
// there, and they run fewer random rounds.
#pragma once

#ifndef __has_feature
#define __has_feature(x) 0  // g++ has macros of its own instead
#endif

namespace writ {

// Whether figures that a test measures, memory or time, are those of the program.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kMeasured = false;
#else
inline constexpr bool kMeasured = true;
#endif

// How many of `all` random rounds to run, one at least: each takes ten times as long under a
// sanitizer, and what it answers is seen without one.
template <class T>
constexpr T rounds(T all) {
  return kMeasured || all < 8 ? all : all / 8;
}

}  // namespace writ
