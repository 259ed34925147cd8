#!/usr/bin/env bash
# The tour through a sandbox of its own: every step does what it should.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d /var/tmp/writ-tour-XXXXXX)
chmod 711 "$folder"  # PostgreSQL may run as another user
trap 'rm -rf "$folder"' EXIT
WRIT_SANDBOX="$folder/sandbox" scripts/sandbox --tour=once </dev/null
