// Whether a figure that a test measures, memory or time, says something about the program: under a
// sanitizer it says more about the sanitizer.
#pragma once

#ifndef __has_feature
#define __has_feature(x) 0  // g++ has macros of its own instead
#endif

namespace writ {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kMeasured = false;
#else
inline constexpr bool kMeasured = true;
#endif

}  // namespace writ
