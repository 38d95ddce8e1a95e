#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the plugin and marks a video or an image with it:
#
#   examples/demo.sh [FILE]
#
# Leaves lmnet-demo.mp4 and lmnet-demo.png (one frame of it) in the current folder, and prints the element's stats.
# Without FILE it draws a synthetic colonoscopy. Nothing needs to be installed beforehand, and the script does not
# install the project.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
video=lmnet-demo.mp4
picture=lmnet-demo.png

fail() {
    echo "demo: $*" >&2
    exit 1
}

[ $# -le 1 ] || fail "at most one file, please: $0 [FILE]"
file=${1:-}
[ $# -eq 0 ] || [ -f "$file" ] || fail "there is no file \"$file\""
[ $# -eq 0 ] || [ -r "$file" ] || fail "\"$file\" cannot be read"
[ -w . ] || fail "the current folder cannot be written to"
for result in "$video" "$picture"; do
    [ ! "$file" -ef "$result" ] || fail "\"$file\" would be overwritten: work in another folder"
done

"$top/tools/build.sh"
[ -e "$top/build/plugins/libgstlmnet.so" ] ||
    fail "$top/build is configured without the plugin: meson configure $top/build -Dgstreamer=enabled"
export GST_PLUGIN_PATH="$top/build/plugins${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"

# H.264 with the usual 4:2:0 sampling needs even sizes, and lmnet 32 to 4096.
fit='video/x-raw,width=[32,4096,2],height=[32,4096,2]'
if [ -z "$file" ]; then
    source=(
        endoscopytestsrc num-buffers=150 screen=octagon
        ! video/x-raw,width=960,height=720,framerate=30/1
    )
else
    type=$(gst-typefind-1.0 "$file" 2>/dev/null | sed -n 's/^.* - \([a-z]*\/[^ ,]*\).*/\1/p')
    path=$(realpath -- "$file" | sed 's/[\\"]/\\&/g')
    source=(filesrc "location=\"$path\"" ! decodebin ! videoconvert ! videoscale ! "$fit")
    case "$type" in
    '') fail "\"$file\" is of no kind that GStreamer knows" ;;
    audio/* | text/*) fail "\"$file\" is neither a video nor a picture but $type" ;;
    image/gif) ;;
    image/*) source+=(! imagefreeze num-buffers=50 ! video/x-raw,framerate=25/1) ;;
    esac
fi

pipeline=(
    "${source[@]}" ! lmnet ! tee name=marked
    marked. ! queue ! videoconvert ! video/x-raw,format=I420
    ! x264enc pass=qual quantizer=20 bitrate=8000 speed-preset=veryfast ! h264parse ! mp4mux
    ! filesink "location=$video"
    marked. ! videorate ! video/x-raw,framerate=1/3 ! queue max-size-time=0 ! videoconvert ! pngenc
    ! multifilesink "location=$picture" async=false
)
rm -f "$video" "$picture"

echo
echo "The pipeline, to be run with GST_PLUGIN_PATH=$top/build/plugins:"
printf '  gst-launch-1.0 -e'
for word in "${pipeline[@]}"; do
    case "$word" in
    '!') printf ' !' ;;
    *[!a-zA-Z0-9_./:=,-]*) printf " '%s'" "${word//\'/\'\\\'\'}" ;;
    *) printf ' %s' "$word" ;;
    esac
done
printf '\n\n'
if ! "$top/build/examples/lmnet-annotate" "${pipeline[@]}"; then
    rm -f "$video" "$picture"
    fail "${file:+\"$file\" could not be annotated; }see the messages above"
fi
[ -s "$video" ] && [ -s "$picture" ] || fail "the pipeline ended without a frame"
echo
echo "Wrote $video and $picture"
