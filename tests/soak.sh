#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A long live run at 1080p60: builds in build/, runs, and checks that no frame was lost and memory stayed flat.
#
#   tests/soak.sh [MINUTES [LMNET-BENCH OPTION...]]      10 minutes; for instance tests/soak.sh 60 --format NV12
#
# Memory is compared at minute 1 and at the end; 2 MiB are allowed. Less than 2 minutes are too short for that. The exit status is 0 only
# if both hold. Delays are printed, not judged: they depend on the machine, too. Frames are copied, paced and shown in this
# process, so that it takes about 900 MiB.
set -euo pipefail
minutes=${1:-10}
shift $(($# > 0 ? 1 : 0))
[[ $minutes =~ ^[1-9][0-9]*$ && $minutes -ge 2 ]] || { echo "soak.sh: MINUTES is '$minutes': expected a number from 2" >&2; exit 1; }
cd "$(dirname "$0")/.."

tools/build.sh
build/bench/lmnet-bench --live --video 1080p60 --seconds $((60 * minutes)) --json "$@" | python3 -c '
import json, sys
live, = json.load(sys.stdin)["live"]
begin, end = live["rss_begin_bytes"] / 2**20, live["rss_end_bytes"] / 2**20
growth = end - begin
print("{device}, {precision}, {width} x {height} {format} at {rate} frames/s for {seconds} s".format(**live))
print("frames: {frames_in} in, {frames_out} out, {frames_lost} lost".format(**live))
print(f"memory: {begin:.1f} MiB at minute 1, {growth:+.2f} MiB at its end")
for name, key in (("added delay", "added_ms"), ("arrival", "arrival_ms"), ("age of the marks", "mark_age_ms")):
    if key in live:
        print(name + ", ms: median {median:.3f}, 99th percentile {p99:.3f}, most {max:.3f}".format(**live[key]))
print("outside the marks: {bytes_changed} of {bytes} bytes changed, {frames} frames".format(**live["outside_marks"]))
failures = [text for failed, text in (
    (live["frames_lost"], "frames were lost"),
    (growth >= 2, "memory grew by 2 MiB or more"),
    (live["outside_marks"]["bytes_changed"], "something changed outside the marks"),
) if failed]
print("FAILED: " + ", ".join(failures) if failures else "passed")
sys.exit(bool(failures))'
