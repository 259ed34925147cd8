#include "crypto/random.h"

#include <openssl/rand.h>

#include <array>
#include <cstring>

#include "base/secret.h"
#include "crypto/openssl.h"

namespace writ::crypto {
namespace {

void draw(void* out, std::size_t size) {
  must(RAND_bytes_ex(nullptr, static_cast<unsigned char*>(out), size, 0) == 1,
       "drawing random bytes");
}

// One call to the generator costs as much as a hundred bytes of it, so bytes come in blocks.
struct Block {
  std::array<char, 4096> bytes;
  std::size_t used = 4096;
  ~Block() { zero(bytes.data(), bytes.size()); }
};

}  // namespace

std::string SystemRandom::bytes(std::size_t size) {
  thread_local Block block;
  std::string out(size, '\0');
  if (size > block.bytes.size() / 4) {
    draw(out.data(), size);
    return out;
  }
  if (block.bytes.size() - block.used < size) {
    draw(block.bytes.data(), block.bytes.size());
    block.used = 0;
  }
  char* const from = block.bytes.data() + block.used;
  std::memcpy(out.data(), from, size);
  zero(from, size);
  block.used += size;
  return out;
}

}  // namespace writ::crypto
