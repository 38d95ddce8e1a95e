#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# lmnet-bench in scripts: its JSON, the model that it finds without options, errors that name option and value.
#
#   bench.sh LMNET_BENCH MODEL IO PEERS yes|no
#
# The model takes 48 x 32 pixels; IO is its golden case; PEERS is bench/peers/; the last argument
# reports whether GStreamer is built in.
set -uo pipefail
bench=$(realpath "$1")
model=$2
io=$3
peers=$4
gstreamer=$5
unset LMNET_MODEL
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary"
failures=0

# expect STATUS TEXT ARGUMENT...: checks the exit status and that the messages contain TEXT, and no complaint of Vulkan's
# validation layer.
expect() {
    local status=0 wanted=$1 text=$2
    shift 2
    timeout 100 "$bench" "$@" >out 2>log || status=$?
    if [ "$status" -ne "$wanted" ] || ! grep -qF -- "$text" log || grep -q 'WARNING.*Vulkan' log; then
        echo "FAILED (status $status): $*"
        cat log
        failures=$((failures + 1))
    fi
}

# check NAME SCRIPT: a Python script that asserts something about the printed object `o`.
check() {
    if ! python3 -c "import json; o = json.load(open('out')); $2"; then
        echo "FAILED: $1"
        failures=$((failures + 1))
    fi
}

expect 0 '3 passes' --model "$model" --size 64x32 --runs 3 --threads 1 --streams 2 --json
check 'the keys and their values' "
assert [o['width'], o['height'], o['runs'], o['precision']] == [64, 32, 3, 'fp32'], o
assert o['device'] and o['driver']
assert 0 < o['network_ms']['min'] <= o['network_ms']['median'] <= o['network_ms']['p99']
for starts in 'startup_ms', 'startup_cold_ms', 'startup_warm_ms':
    assert set(o[starts]) == {'device', 'pipelines', 'weights', 'first_frame'}, o[starts]
    assert min(o[starts].values()) > 0, o[starts]
assert len(o['operators']) > 100
assert all(op['name'] and op['macs'] >= 0 and op['bytes'] > 0 for op in o['operators'])
assert sum(op['macs'] for op in o['operators']) > 1e6
assert 0 < sum(op['ms'] for op in o['operators'])
assert o['dispatches'] >= len(o['operators']) > o['pipelines'] > 0
assert o['peak_rss_bytes'] > o['device_bytes'] > o['arena_bytes'] > 0
assert len(o['streams']['median_ms']) == 2 and o['streams']['frames_per_second'] > 0
assert o['device_bytes'] < o['streams']['device_bytes'] < 2 * o['device_bytes'], 'streams share nothing'"

# With the reference's input it gives the reference's output.
python3 - "$io" <<'SCRIPT'
import json, struct, sys
file = open(sys.argv[1], "rb").read()
n, = struct.unpack("<Q", file[:8])
for name in "input", "logits":
    begin, end = json.loads(file[8:8 + n])[name]["data_offsets"]
    open(name, "wb").write(file[8 + n + begin:8 + n + end])
SCRIPT
expect 0 '' --model "$model" --runs 1 --no-start-ups --input input --logits got --json --precision fp32
python3 - <<'SCRIPT' || failures=$((failures + 1))
import array
want, got = (array.array("f", open(name, "rb").read()) for name in ("logits", "got"))
assert len(want) == len(got)
worst = max(abs(a - b) for a, b in zip(want, got))
assert worst < 1e-3, f"FAILED: logits are off by {worst}"
SCRIPT

# Bundled models: the build's, and those of the prefix that holds the installed program.
expect 0 '' --size 32 --runs 1 --no-start-ups --operators
grep -q 'lmnet-kvasir-256' out && grep -q 'conv1.0.expand_conv.0' out ||
    { echo 'FAILED: the build tree'\''s model'; failures=$((failures + 1)); }
expect 0 '' --model kvasir-128 --runs 1 --no-start-ups --json
check 'a model by its short name' "
assert o['model'].endswith('models/lmnet-kvasir-128.safetensors') and o['width'] == 128, o['model']"
mkdir -p bin share/lmnet/models
cp "$bench" bin/lmnet-bench
cp "$model" share/lmnet/models/lmnet-kvasir-256.safetensors
bench=lmnet-bench PATH=$PWD/bin:$PATH expect 0 '' --runs 1 --no-start-ups --json
check 'the model of the prefix' "
assert o['model'].endswith('share/lmnet/models/lmnet-kvasir-256.safetensors'), o['model']
assert [o['width'], o['height']] == [48, 32]
assert 'startup_cold_ms' not in o and 'streams' not in o"

# Peers may be missing: this folder has no onnxruntime.
mkdir work
python3 "$peers/compare.py" --bench "$bench" --work work --model "$model" --size 48x32 --rounds 2 --runs 1 \
    --peers onnxruntime --json out >log 2>&1 || cat log
check 'the comparison without peers' "
assert [row['ratio'] for row in o['rows']] == [1] and len(o['rows'][0]['medians']) == 2, o['rows']
assert o['rows'][0]['name'].startswith('lmnet-bench') and o['rows'][0]['median'] > 0
assert list(o['absent']) == ['onnxruntime'] and o['absent']['onnxruntime']"

# The element after a live source. Times are not judged, since a busy machine may be slow; but frames are reported.
if [ "$gstreamer" = yes ]; then
    expect 0 '30 of 30 frames' --live --video 180p15 --seconds 2 --format I420 --model "$model" --json
    check 'the keys of --live and their values' "
live, = o['live']
assert [live[key] for key in ('width', 'height', 'rate', 'seconds')] == [320, 180, 15, 2], live
assert live['format'] == 'I420' and live['device'] and live['precision'] == 'fp32'
assert live['frames_in'] == 30 and live['frames_out'] == 30 and live['frames_lost'] == 0, live
for times in 'arrival_ms', 'identity_ms', 'lmnet_ms', 'added_ms':
    assert live[times]['median'] <= live[times]['p99'] <= live[times]['max'], live
assert 0 < live['identity_ms']['median'] < live['lmnet_ms']['median'], live
assert 0 < live['frames_with_masks'] and 0 < live['mark_age_ms']['max'] <= 500, live
assert live['inferences'] > 0 and 0 < live['inference_ms']['median'] <= live['inference_ms']['p99'], live
assert min(live['rss_begin_bytes'], live['rss_end_bytes']) > 10e6, live
outside = live['outside_marks']
assert outside['frames'] >= outside['frames_with_findings'] > 0 < outside['bytes'], outside
assert outside['bytes_changed'] == 0, outside"
    expect 0 '15 of 15 frames' --live --video 180p15 --seconds 1 --model "$model"
    grep -qF "$model" out || { echo 'FAILED: --live names no model'; failures=$((failures + 1)); }
    grep -q '21 CFR 876.1520' out && grep -q 'degradation outside the marks: 0 of ' out ||
        { echo 'FAILED: the output of --live'; cat out; failures=$((failures + 1)); }
    expect 1 '--format XYZ' --live --format XYZ
    expect 1 'v210' --live --video 180p15 --format v210
    expect 1 '/nowhere/none.safetensors' --live --video 180p15 --model /nowhere/none.safetensors
else
    expect 1 'without GStreamer' --live
fi
expect 1 '--video 1080' --live --video 1080
expect 1 '--size goes not with --live' --live --size 64
expect 1 '--seconds goes only with --live' --seconds 5
expect 1 '--size 100' --size 100
expect 1 '--size 64x' --size 64x
expect 1 '--size 64x64x64' --size 64x64x64
expect 1 '--runs 0' --runs 0
expect 1 '--threads -1' --threads -1
expect 1 '--streams 65' --streams 65
expect 1 '--precision fp8' --precision fp8
expect 1 '--device nosuchdevice' --device nosuchdevice
expect 1 '/nowhere/none.safetensors' --model /nowhere/none.safetensors
expect 1 '--input input: ' --model "$model" --size 64 --input input
expect 1 'surplus' surplus
[ "$failures" -eq 0 ]
