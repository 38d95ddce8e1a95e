#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the dependencies, builds in build/, runs the whole test suite; ends with `N passed, N
# failed`.
#
#   tests/run.sh [MESON OPTION...]      for instance tests/run.sh -Dwerror=true
#
# Skipped tests are listed; with CI=true in the environment they count as failed (for exceptions see
# count.py).
set -euo pipefail
cd "$(dirname "$0")/.."

tools/build.sh "$@"
[ -d ../shared ] || echo "No ../shared here: only the tests on its pictures are skipped."

# libcheck reports each of its checks on stdout, in the Test Anything Protocol; meson records that.
log=build/meson-logs/testlog.json
rm -f "$log"
status=0
CK_TAP_LOG_FILE_NAME=- meson test -C build --no-rebuild --print-errorlogs --timeout-multiplier 3 ||
    status=$?
python3 tests/count.py "$log" "$status"
