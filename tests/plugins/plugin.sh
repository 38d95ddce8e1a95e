#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The plugin file as users meet it, with GST_PLUGIN_PATH alone: plugin.sh PLUGIN_FOLDER MODEL
#
# gst-inspect-1.0 lists it, gst-launch-1.0 runs it with the default model and without leaks, and if there is no Vulkan
# driver it says so.
set -uo pipefail
plugin_folder=$1
model=$2

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
export GST_PLUGIN_PATH=$plugin_folder GST_REGISTRY=$temporary/registry.bin
unset GST_PLUGIN_SYSTEM_PATH_1_0 LMNET_MODEL
failures=0
log=$temporary/log

# check NAME STATUS
check() {
    if [ "$2" -ne 0 ]; then
        echo "FAILED: $1"
        sed 's/^/    /' "$log"
        failures=$((failures + 1))
    else
        echo "ok: $1"
    fi
}

for element in lmnet lmnetoverlay lmnetmask endoscopytestsrc; do
    gst-inspect-1.0 "$element" >"$log" 2>&1 && grep -q 'Plugin Details' "$log" &&
        grep -q 'License *LGPL' "$log"
    check "gst-inspect-1.0 $element" $?
done
gst-inspect-1.0 lmnet >"$log" 2>&1
for property in model device precision mode in-flight max-mask-age threshold min-area region overlay color opacity \
    contour-width stats; do
    grep -q "^  $property  *:" "$log"
    check "lmnet has the property $property" $?
done
gst-inspect-1.0 endoscopytestsrc >"$log" 2>&1
for property in seed polyps motion noise screen content is-live n-threads num-buffers; do
    grep -q "^  $property  *:" "$log"
    check "endoscopytestsrc has the property $property" $?
done

# launch PIPELINE...: with the leaks tracer, which logs what is still alive at the end.
launch() {
    GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 timeout 120 gst-launch-1.0 -q "$@" >"$log" 2>&1 &&
        ! grep -Eq 'object-alive, type-name=\(string\)[A-Z]|ERROR|CRITICAL' "$log"
}

source="videotestsrc num-buffers=5 pattern=ball ! video/x-raw,width=160,height=120,framerate=30/1"
launch $source,format=NV12 ! lmnet model="$model" mode=every-frame ! fakesink
check "every-frame leaks nothing" $?
launch $source,format=UYVY ! lmnet model="$model" mode=latest overlay=0 ! lmnetoverlay ! fakesink
check "latest and lmnetoverlay leak nothing" $?
launch $source,format=I420 ! lmnet model="$model" in-flight=8 ! lmnetmask size=network ! fakesink
check "lmnetmask leaks nothing" $?
launch $source,format=I420 ! tee name=t t. ! queue ! fakesink \
    t. ! queue ! lmnet model="$model" ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=64,height=48 ! \
    lmnetoverlay ! fakesink
check "after a tee and before a scaler nothing leaks" $?
launch $source,format=RGB ! lmnet ! fakesink
check "the default model is found" $?
launch endoscopytestsrc num-buffers=5 screen=octagon n-threads=2 ! video/x-raw,width=160,height=120 ! \
    lmnet model="$model" ! fakesink
check "endoscopytestsrc leaks nothing" $?
launch endoscopytestsrc num-buffers=5 is-live=true ! tee name=t t. ! queue ! fakesink t. ! queue ! videoconvert ! fakesink \
    endoscopytestsrc num-buffers=5 content=truth ! videoconvert ! video/x-raw,format=RGB ! fakesink
check "endoscopytestsrc live, and its truth" $?
# imagefreeze lets the scaler's allocation query through before the caps.
launch videotestsrc num-buffers=1 ! video/x-raw,width=97,height=75 ! videoscale ! video/x-raw,width=96,height=74 ! \
    imagefreeze num-buffers=2 ! video/x-raw,framerate=25/1 ! lmnet model="$model" ! fakesink
check "a still picture, scaled" $?

gst-launch-1.0 -q $source,format=RGB ! lmnet model=/nowhere/none.safetensors ! fakesink >"$log" 2>&1
[ $? -ne 0 ] && grep -q 'none.safetensors' "$log"
check "a missing model is an error" $?
gst-launch-1.0 -q $source,format=RGB ! lmnet model=kvasir-64 ! fakesink >"$log" 2>&1
[ $? -ne 0 ] && grep -q 'kvasir-64' "$log" && grep -q 'kvasir-256 and kvasir-128' "$log"
check "the error about a wrong name lists the right ones" $?
# Either bundled model may be taken once caps come: both are checked before.
mkdir "$temporary/plugins" "$temporary/models"
cp "$plugin_folder/libgstlmnet.so" "$temporary/plugins/"
cp "$plugin_folder/../models/lmnet-kvasir-256.safetensors" "$temporary/models/"
echo broken >"$temporary/models/lmnet-kvasir-128.safetensors"
GST_PLUGIN_PATH=$temporary/plugins GST_REGISTRY=$temporary/other-registry.bin \
    gst-launch-1.0 -q $source,format=RGB ! lmnet device=cpu ! fakesink >"$log" 2>&1
[ $? -ne 0 ] && grep -q 'lmnet-kvasir-128.safetensors' "$log"
check "a broken small model is an error, though a file is played" $?
VK_DRIVER_FILES=/nowhere/none.json VK_ICD_FILENAMES=/nowhere/none.json \
    gst-launch-1.0 -q $source,format=RGB ! lmnet model="$model" ! fakesink >"$log" 2>&1
[ $? -ne 0 ] && grep -qi 'no Vulkan driver' "$log"
check "no driver is an error that says so" $?

[ "$failures" -eq 0 ]
