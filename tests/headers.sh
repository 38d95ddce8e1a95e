#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Compiles every header alone, as strict C11: headers.sh SOURCE_ROOT yes|no COMPILER...
#
# `no` leaves out plugins/, whose headers need GStreamer's.
set -euo pipefail
root=$1
plugins=$2
shift 2

folders=("$root/src")
packages=(glib-2.0 vulkan)
if [ "$plugins" = yes ]; then
    folders+=("$root/plugins")
    packages+=(gstreamer-video-1.0 gstreamer-base-1.0)
fi
read -ra flags < <(pkg-config --cflags "${packages[@]}")

failures=0
headers=0
while IFS= read -r header; do
    headers=$((headers + 1))
    # The second inclusion finds a header without a guard.
    if ! printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$@" -std=c11 -Wall -Wextra -Wpedantic -Wundef -Wstrict-prototypes -Werror -Wno-unused-function \
            -fsyntax-only -I "$root/src" -I "$root/plugins" "${flags[@]}" -x c -; then
        echo "$header does not compile alone"
        failures=$((failures + 1))
    fi
done < <(find "${folders[@]}" -name '*.h' | sort)

[ "$headers" -gt 0 ] || { echo "no headers below $root"; exit 1; }
echo "$headers headers, $failures failed"
[ "$failures" -eq 0 ]
