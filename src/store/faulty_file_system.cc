#include "store/faulty_file_system.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace writ::store {
namespace {

// One unsynced change of a file's bytes.
struct Change {
  enum class Kind { kWrite, kResize } kind = Kind::kWrite;
  std::uint64_t at = 0;  // offset, or the new size
  std::string bytes;
};

void carry_out(std::string& content, const Change& change) {
  if (change.kind == Change::Kind::kResize) {
    content.resize(change.at, '\0');
    return;
  }
  const std::uint64_t end = change.at + change.bytes.size();
  if (content.size() < end) content.resize(end, '\0');
  std::memcpy(content.data() + change.at, change.bytes.data(), change.bytes.size());
}

struct Inode {
  std::string durable;           // what a power loss leaves at least
  std::string current;           // what readers see
  std::vector<Change> unsynced;  // in order
};
using Names = std::map<std::string, std::shared_ptr<Inode>>;

// One unsynced change of a name: `from` goes away, `to` appears; either may be empty.
struct NameChange {
  std::string from;
  std::string to;
  std::shared_ptr<Inode> inode;
  std::string folder;
};

void carry_out(Names& names, const NameChange& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.inode;
}

tl::unexpected<Error> io_error(const std::string& path) {
  return fail(Code::kUnavailable, "injected input/output error", path);
}
tl::unexpected<Error> no_space(const std::string& path) {
  return fail(Code::kExhausted, "injected lack of space", path);
}

}  // namespace

struct FaultyFileSystem::Disk {
  explicit Disk(unsigned long long seed) : random(seed) {}

  // Everything here is guarded by `mutex`.
  mutable std::mutex mutex;
  SeededRandom random;
  Faults faults;
  bool power_lost = false;
  std::uint64_t injected = 0;
  std::uint64_t generation = 0;  // of open files and locks; a crash begins a new one
  Names names;
  Names durable_names;
  std::vector<NameChange> unsynced_names;
  std::set<std::string> folders;
  std::set<std::string> locked;

  bool strikes(unsigned chance) {
    if (chance == 0 || random.below(1'000'000) >= chance) return false;
    ++injected;
    return true;
  }
  // True when the power is gone, or goes now.
  bool power_goes() {
    if (!power_lost && strikes(faults.power_loss)) power_lost = true;
    return power_lost;
  }
  std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [path, inode] : names) sum += inode->current.size();
    return sum;
  }
  Status room_for(const std::string& path, std::uint64_t more) {
    if (strikes(faults.no_space)) return no_space(path);
    if (faults.capacity != ~0ull && used() + more > faults.capacity) {
      ++injected;
      return no_space(path);
    }
    return {};
  }
  void rename_entry(NameChange change) {
    carry_out(names, change);
    unsynced_names.push_back(std::move(change));
  }
  static void change_content(Inode& inode, Change change) {
    carry_out(inode.current, change);
    inode.unsynced.push_back(std::move(change));
  }
};

class FaultyFileSystem::OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<Disk> disk, std::shared_ptr<Inode> inode, std::string path,
           bool writable)
      : disk_(std::move(disk)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        generation_(disk_->generation),
        writable_(writable) {}

  Result<std::size_t> pread(std::uint64_t offset, std::span<char> buffer) const override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || disk_->power_lost || disk_->strikes(disk_->faults.read_error)) {
      return io_error(path_);
    }
    const std::string& content = inode_->current;
    if (offset >= content.size()) return std::size_t{0};
    const std::size_t size = std::min<std::uint64_t>(buffer.size(), content.size() - offset);
    std::memcpy(buffer.data(), content.data() + offset, size);
    return size;
  }

  Status pwrite(std::uint64_t offset, std::string_view bytes) override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || !writable_ || disk_->power_lost) return io_error(path_);
    const std::uint64_t end = offset + bytes.size();
    if (end > inode_->current.size()) {
      CHECK_OK(disk_->room_for(path_, end - inode_->current.size()));
    }
    // A write that fails may still have reached the disk in part.
    const bool fails = disk_->power_goes() || disk_->strikes(disk_->faults.write_error);
    if (fails) bytes = bytes.substr(0, disk_->random.below(bytes.size() + 1));
    if (!bytes.empty()) {
      Disk::change_content(*inode_, {Change::Kind::kWrite, offset, std::string(bytes)});
    }
    if (fails) return io_error(path_);
    return {};
  }

  Status preallocate(std::uint64_t size) override {
    const std::lock_guard lock(disk_->mutex);
    if (failing()) return io_error(path_);
    if (size <= inode_->current.size()) return {};
    CHECK_OK(disk_->room_for(path_, size - inode_->current.size()));
    Disk::change_content(*inode_, {Change::Kind::kResize, size, {}});
    return {};
  }

  Status truncate(std::uint64_t size) override {
    const std::lock_guard lock(disk_->mutex);
    if (failing()) return io_error(path_);
    if (size == inode_->current.size()) return {};
    Disk::change_content(*inode_, {Change::Kind::kResize, size, {}});
    return {};
  }

  Status sync() override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || disk_->power_goes()) return io_error(path_);
    if (disk_->strikes(disk_->faults.sync_error)) {
      for (const Change& change : inode_->unsynced) {
        if (disk_->random.below(2) == 0) carry_out(inode_->durable, change);
      }
      inode_->unsynced.clear();
      return io_error(path_);
    }
    for (const Change& change : inode_->unsynced) carry_out(inode_->durable, change);
    inode_->unsynced.clear();
    return {};
  }

  Result<std::uint64_t> size() const override {
    const std::lock_guard lock(disk_->mutex);
    if (dead() || disk_->power_lost) return io_error(path_);
    return inode_->current.size();
  }

 private:
  bool dead() const { return generation_ != disk_->generation; }
  bool failing() {
    return dead() || !writable_ || disk_->power_goes() || disk_->strikes(disk_->faults.write_error);
  }

  std::shared_ptr<Disk> disk_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
  std::uint64_t generation_;
  bool writable_;
};

class FaultyFileSystem::HeldLock final : public Lock {
 public:
  HeldLock(std::shared_ptr<Disk> disk, std::string path)
      : disk_(std::move(disk)), path_(std::move(path)), generation_(disk_->generation) {}
  ~HeldLock() override {
    const std::lock_guard lock(disk_->mutex);
    if (generation_ == disk_->generation) disk_->locked.erase(path_);
  }

 private:
  std::shared_ptr<Disk> disk_;
  std::string path_;
  std::uint64_t generation_;
};

FaultyFileSystem::FaultyFileSystem(unsigned long long seed) : disk_(std::make_shared<Disk>(seed)) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::set_faults(const Faults& faults) {
  const std::lock_guard lock(disk_->mutex);
  disk_->faults = faults;
}

void FaultyFileSystem::lose_power() {
  const std::lock_guard lock(disk_->mutex);
  disk_->power_lost = true;
}

void FaultyFileSystem::restart() {
  const std::lock_guard lock(disk_->mutex);
  disk_->locked.clear();
  disk_->power_lost = false;
  ++disk_->generation;
}

bool FaultyFileSystem::lost_power() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->power_lost;
}

std::uint64_t FaultyFileSystem::faults_injected() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->injected;
}

void FaultyFileSystem::crash(unsigned long long seed) {
  const std::lock_guard lock(disk_->mutex);
  Disk& disk = *disk_;
  SeededRandom random(seed);
  // A file system keeps the order of names, not that of bytes.
  const std::size_t kept_names = random.below(disk.unsynced_names.size() + 1);
  for (std::size_t i = 0; i < kept_names; ++i)
    carry_out(disk.durable_names, disk.unsynced_names[i]);
  disk.unsynced_names.clear();

  const unsigned long long loss = random.below(5);  // quarters: from nothing to everything
  std::set<const Inode*> done;
  for (const auto& [path, inode] : disk.durable_names) {
    if (!done.insert(inode.get()).second) continue;
    std::vector<Change> kept;
    for (Change& change : inode->unsynced) {
      if (random.below(4) >= loss) kept.push_back(std::move(change));
    }
    if (!kept.empty() && kept.back().kind == Change::Kind::kWrite && random.below(2) == 0) {
      kept.back().bytes.resize(random.below(kept.back().bytes.size() + 1));
    }
    for (const Change& change : kept) carry_out(inode->durable, change);
    inode->unsynced.clear();
    inode->current = inode->durable;
  }
  disk.names = disk.durable_names;
  disk.locked.clear();
  disk.power_lost = false;
  ++disk.generation;
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->power_lost) return io_error(path);
  auto found = disk_->names.find(path);
  if (found != disk_->names.end() && mode == OpenMode::kCreateNew) {
    return fail(Code::kExists, "the file exists", path);
  }
  if (found == disk_->names.end()) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) {
      return fail(Code::kNotFound, "there is no such file", path);
    }
    if (!disk_->folders.contains(parent_folder(path))) {
      return fail(Code::kNotFound, "there is no such folder", parent_folder(path));
    }
    CHECK_OK(disk_->room_for(path, 0));
    disk_->rename_entry({{}, path, std::make_shared<Inode>(), parent_folder(path)});
    found = disk_->names.find(path);
  }
  return std::make_unique<OpenFile>(disk_, found->second, path, mode != OpenMode::kRead);
}

Status FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->power_lost || disk_->strikes(disk_->faults.write_error)) return io_error(from);
  const auto found = disk_->names.find(from);
  if (found == disk_->names.end()) return fail(Code::kNotFound, "there is no such file", from);
  disk_->rename_entry({from, to, found->second, parent_folder(to)});
  return {};
}

Status FaultyFileSystem::remove(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->power_lost || disk_->strikes(disk_->faults.write_error)) return io_error(path);
  if (disk_->folders.contains(path)) {
    for (const auto& [name, inode] : disk_->names) {
      if (parent_folder(name) == path) return io_error(path);
    }
    disk_->folders.erase(path);
    return {};
  }
  if (!disk_->names.contains(path)) return fail(Code::kNotFound, "there is no such file", path);
  disk_->rename_entry({path, {}, nullptr, parent_folder(path)});
  return {};
}

bool FaultyFileSystem::exists(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  return disk_->names.contains(path) || disk_->folders.contains(path);
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& folder) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->power_lost) return io_error(folder);
  if (!disk_->folders.contains(folder))
    return fail(Code::kNotFound, "there is no such folder", folder);
  std::set<std::string> names;
  const auto add = [&](const std::string& path) {
    if (path != folder && parent_folder(path) == folder)
      names.insert(path.substr(path.rfind('/') + 1));
  };
  for (const auto& [path, inode] : disk_->names) add(path);
  for (const std::string& path : disk_->folders) add(path);
  return std::vector<std::string>(names.begin(), names.end());
}

Status FaultyFileSystem::make_folder(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->power_lost) return io_error(path);
  for (std::string at = path;; at = parent_folder(at)) {
    if (disk_->names.contains(at)) return fail(Code::kUnavailable, "this is a file", at);
    if (!disk_->folders.insert(at).second || at == parent_folder(at)) return {};
  }
}

Status FaultyFileSystem::sync_folder(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->power_goes()) return io_error(path);
  if (disk_->strikes(disk_->faults.sync_error)) return io_error(path);
  std::vector<NameChange> others;
  for (NameChange& change : disk_->unsynced_names) {
    if (change.folder == path) {
      carry_out(disk_->durable_names, change);
    } else {
      others.push_back(std::move(change));
    }
  }
  disk_->unsynced_names = std::move(others);
  return {};
}

Result<std::unique_ptr<FileSystem::Lock>> FaultyFileSystem::lock(const std::string& path) {
  const std::lock_guard lock(disk_->mutex);
  if (disk_->power_lost) return io_error(path);
  if (!disk_->locked.insert(path).second) {
    return fail(Code::kConflict, "another process is using this folder; stop it first", path);
  }
  return std::make_unique<HeldLock>(disk_, path);
}

}  // namespace writ::store
