#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what is missing, configures build/ and builds there: tools/build.sh [MESON OPTION...]
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install-deps.sh
if [ -e build/build.ninja ]; then
    [ $# -eq 0 ] || meson configure build "$@"
else
    # What an interrupted run left half configured is no build.
    rm -rf build
    meson setup build "$@"
fi
meson compile -C build
