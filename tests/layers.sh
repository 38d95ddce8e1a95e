#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fails where a file includes a header that its layer must not know: layers.sh SOURCE_ROOT
#
#   util <- model <- net <- exec, util <- gpu <- exec, util <- video <- exec, vision, mask
#   mask <- overlay; exec, mask <- session; util <- scene; all of it <- plugins, bench, examples
#
# No GStreamer header below plugins/; no Vulkan header in util, model and net.
set -euo pipefail
cd "$1"

declare -A may=(
    [src/util]="util"
    [src/model]="util model"
    [src/net]="util model net"
    [src/gpu]="util gpu"
    [src/video]="util video"
    [src/vision]="util video vision"
    [src/exec]="util model net gpu video exec"
    [src/mask]="util video mask"
    [src/overlay]="util video mask overlay"
    [src/session]="util model net gpu video exec mask session"
    [src/scene]="util scene"
    [plugins]="util model video vision mask overlay session scene"
    [bench]="util model net gpu video vision exec mask overlay session scene"
    [examples]="util model video vision mask session"
)
layers=" util model net gpu video vision exec mask overlay session scene "
failures=0
files=0

refuse() {
    echo "$1: $2"
    failures=$((failures + 1))
}

while IFS= read -r file; do
    files=$((files + 1))
    folder=$file
    while [ "$folder" != . ] && [ -z "${may[$folder]:-}" ]; do
        folder=$(dirname "$folder")
    done
    [ "$folder" != . ] || { refuse "$file" "in no known layer"; continue; }

    while IFS= read -r header; do
        top=${header%%/*}
        case "$header" in
        ../*) refuse "$file" "includes $header: name it from src/" ;;
        gst/*) case "$folder" in
            src/*) refuse "$file" "includes $header: GStreamer stays in plugins/" ;;
            esac ;;
        vulkan/* | vk_*) case "$folder" in
            src/gpu | src/exec | src/session | bench) ;;
            *) refuse "$file" "includes $header: Vulkan stays in src/gpu, src/exec and src/session" ;;
            esac ;;
        */*) case "$layers" in
            *" $top "*) case " ${may[$folder]} " in
                *" $top "*) ;;
                *) refuse "$file" "includes $header: $folder must not know $top" ;;
                esac ;;
            esac ;;
        esac
    done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]([^">]+)[">].*/\1/p' "$file")
done < <(find src plugins bench examples -name '*.[ch]' 2>/dev/null | sort)

[ "$files" -gt 0 ] || { echo "no source files below $1"; exit 1; }
echo "$files files, $failures includes against the layers"
[ "$failures" -eq 0 ]
