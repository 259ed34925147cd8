// Whole small files: configuration, keys, remembered checkpoints. Logs and journals use the `store`
// room's file system instead.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace writ {

// Reads a whole file of at most `most` bytes.
Result<std::string> read_file(const std::string& path, std::size_t most = 16 << 20);

// Replaces a file in one step, durably: temporary file, fsync, rename, fsync of the folder. Readers
// see the old bytes or the new, never a mixture. `mode` is of the new file (0600 for secrets).
Status write_file(const std::string& path, std::string_view bytes, unsigned mode = 0644);

// Writes into the file that is there, and makes one where there is none: links, owner and mode stay
// what they are, and a device is written to. Who is interrupted leaves a part.
Status write_in_place(const std::string& path, std::string_view bytes);

// Creates a folder and its parents; existing ones are fine.
Status make_folder(const std::string& path, unsigned mode = 0700);

}  // namespace writ
