#!/usr/bin/env bash
# libwrit as its users see it: installed, found by pkg-config, used from C11 and from C++, exporting
# nothing but its interface; and the Python package on it.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/release
[ -e $build/libwrit.so.1 ] || {
  echo "$build/libwrit.so.1 is missing; build it with: ninja -C $build libwrit" >&2
  exit 1
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
expect() {  # NAME: standard input is what the file NAME should hold
  diff -u - "$folder/$1" || { echo "$1 differs" >&2; exit 1; }
}

cmake --install $build --component libwrit --prefix "$folder/prefix" >/dev/null
library=$folder/prefix/lib/libwrit.so.1
export PKG_CONFIG_PATH=$folder/prefix/lib/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs writ)"
strict=(-Wall -Wextra -Wpedantic -Werror -Wl,-rpath,"$folder/prefix/lib")

# Only the interface is exported, each name of it under its version.
nm -D --defined-only "$library" | awk '$2 != "A" {print $3}' | sort >"$folder/exported"
grep -o '\bwrit_[a-z_]*(' src/embed/writ.h | tr -d '(' | sort -u | sed 's/$/@@WRIT_1/' |
  expect exported
readelf -d "$library" | grep -q 'SONAME.*\[libwrit.so.1\]'

cc -std=c11 src/embed/examples/authorize.c "${strict[@]}" "${flags[@]}" -o "$folder/authorize"
"$folder/authorize" >"$folder/output"
expect output <<'END'
allow: team-views
  secrets at docs.cedar:2:53: when { context.secret } 
deny: secrets
deny: team-views
  secrets at docs.cedar:2:60: when { context.secret } the record has no attribute `secret`
refused: context:1:2: the text ends in the middle of a value
END

# The example in the header is what it says.
{
  printf '#include <stdio.h>\n#include <writ.h>\nint main(void) {\n'
  sed -n 's/^ \*   \(.*\)/\1/p' src/embed/writ.h
  printf 'return 0; }\n'
} >"$folder/header.c"
cc -std=c11 "$folder/header.c" "${strict[@]}" "${flags[@]}" -o "$folder/header"
[ "$("$folder/header")" = allow ]
printf '#include <writ.h>\nint main() { return writ_abi_version() == WRIT_ABI_VERSION ? 0 : 1; }\n' \
  >"$folder/abi.cc"
c++ -std=c++17 "$folder/abi.cc" "${strict[@]}" "${flags[@]}" -o "$folder/abi"
"$folder/abi"

# The distribution's Python has cffi; another one on the PATH may not.
if ! /usr/bin/python3 -c 'import cffi' 2>/dev/null; then
  echo "skipped: the Python package: python3-cffi is not installed"
  exit 0
fi
export WRIT_LIBRARY=$library PYTHONPATH=python PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -W error -m unittest discover python/tests
/usr/bin/python3 python/examples/documents.py >"$folder/example"
expect example <<'END'
alice view: allow by team-views
alice edit: deny by nothing
  team-views: other_action  (policies:2:1)
  owner-edits: condition when { resource.owner == principal } (policies:6:38)
  secrets-need-mfa: condition unless { context.mfa } (policies:9:63)
bob edit: deny by secrets-need-mfa
  team-views: other_principal  (policies:2:1)
  owner-edits: satisfied  (policies:5:1)
  secrets-need-mfa: satisfied  (policies:8:1)
refused at policies:1:45
END
