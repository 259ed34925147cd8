// What a test asks of a program that is built with a sanitizer: figures that it measures, memory or
// time, say more about the sanitizer then, and random rounds take ten times as long.
#pragma once

#ifndef __has_feature
#define __has_feature(x) 0  // g++ has macros of its own instead
#endif

namespace writ {

// Whether figures mean something.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kMeasured = false;
#else
inline constexpr bool kMeasured = true;
#endif

// How many of `all` random rounds to run, seeds from the first on: under a sanitizer an eighth.
// They look for wrong answers, which the plain build finds too; a sanitizer needs each path once.
template <class T>
constexpr T rounds(T all) {
  return kMeasured ? all : all / 8;
}

}  // namespace writ
