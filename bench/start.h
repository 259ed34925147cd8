// Starting from a snapshot as a server does: in a program anew, so that it weighs what a server
// weighs that just started, and from the file that the journal keeps.
#pragma once

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/state.h"
#include "figures.h"
#include "plain_sealer.h"
#include "store/snapshots.h"
#include "store/temporary_folder.h"

namespace writ::bench {

// What the figures are called.
struct StartNames {
  std::string mb;       // resident memory
  std::string seconds;  // from the file to a State that decides
};

inline bool is_any(const store::Head&) {
  return true;
}

// Writes the snapshot, and runs this program again with "start FOLDER" and the two names.
inline void measure_start(const core::State& state, const StartNames& names) {
  const store::TemporaryFolder folder;
  store::RealFileSystem files;
  store::Snapshots snapshots(files, folder.path() + "/snapshots");
  const auto put = snapshots.put({state.next_seq, {}}, core::encode_snapshot(state), is_any);
  if (!put) die(put.error().text());
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "bench", "start", folder.path().c_str(), names.mb.c_str(),
          names.seconds.c_str(), nullptr);
    _exit(1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  if (status != 0) die("the snapshot could not be started from");
}

// What that program does: prints both figures.
inline int start_from(const std::string& folder, const StartNames& names) {
  const auto from = Wall::now();
  store::RealFileSystem files;
  PlainSealer sealer;
  auto snapshot = store::Snapshots(files, folder + "/snapshots").newest(is_any);
  if (!snapshot || !*snapshot) die("there is no snapshot");
  const auto state = core::decode_snapshot((*snapshot)->bytes, sealer);
  if (!state) die(state.error().text());
  snapshot->reset();
  malloc_trim(0);  // as a server does when it has started
  const double seconds = ms_between(from, Wall::now()) / 1000;
  print({{names.mb.c_str(), resident_mb()}, {names.seconds.c_str(), seconds}});
  return 0;
}

}  // namespace writ::bench
