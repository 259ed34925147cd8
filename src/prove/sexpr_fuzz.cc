// What a solver could write: no answer crashes the reader, and what is read prints to itself.
#include <cstdlib>

#include "prove/sexpr.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = writ::prove::parse_sexprs({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  std::string text;
  for (const writ::prove::Sexpr& each : *read) text += print(each) + "\n";
  const auto again = writ::prove::parse_sexprs(text);
  if (!again || *again != *read) std::abort();
  return 0;
}
