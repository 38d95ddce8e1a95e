#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The library's example without GStreamer: a mask of the network's size, and errors that name the bad value.
#
#   examples.sh LMNET_SEGMENT MODEL    the model takes 48 x 32 pixels
set -uo pipefail
segment=$(realpath "$1")
model=$2
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary"
failures=0

# expect STATUS TEXT ARGUMENT...: checks the exit status, and that the output contains TEXT.
expect() {
    local status=0 wanted=$1 text=$2
    shift 2
    timeout 100 "$segment" "$@" >log 2>&1 || status=$?
    if [ "$status" -ne "$wanted" ] || ! grep -qF -- "$text" log; then
        echo "FAILED (status $status): $*"
        cat log
        failures=$((failures + 1))
    fi
}

{ printf 'P6\n# 64 x 40, grey\n64 40\n255\n' && head -c 7680 /dev/zero | tr '\0' '\200'; } >in.ppm
head -c 1000 in.ppm >short.ppm
expect 0 findings "$model" in.ppm out.pgm
[ "$(head -c 13 out.pgm | tr '\n' ' ')" = 'P5 48 32 255 ' ] && [ "$(wc -c <out.pgm)" -eq $((13 + 48 * 32)) ] ||
    { echo 'FAILED: the mask'; failures=$((failures + 1)); }
expect 1 truncated "$model" short.ppm out.pgm
expect 1 'binary PPM' "$model" "$model" out.pgm
expect 1 none.ppm "$model" none.ppm out.pgm
expect 1 in.ppm in.ppm in.ppm out.pgm
expect 1 nosuchdevice "$model" in.ppm out.pgm nosuchdevice
expect 2 usage "$model"
[ "$failures" -eq 0 ]
