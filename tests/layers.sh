#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Checks the layers: layers.sh SOURCE_ROOT BUILD_ROOT
#
# Fails if a file includes a header, or uses a symbol, of a room that its own room must not know; if
# the files of a room call each other in a circle, by the symbols of their object files; if a
# function is not declared in the header with its file's name; or if Vulkan's or GStreamer's headers
# reach a room that must not have them, even through includes of includes.
set -euo pipefail
cd "$1"
build=$(realpath "$2")

# The rooms that each may use, besides itself.
declare -A may=(
    [src/util]=""
    [src/model]="util"
    [src/net]="util model"
    [src/gpu]="util"
    [src/video]="util"
    [src/vision]="util video"
    [src/exec]="util model net gpu video"
    [src/mask]="util video"
    [src/overlay]="util video mask"
    [src/session]="util model net gpu video exec mask"
    [src/scene]="util"
    [plugins]="util model gpu/device-info video vision mask overlay session scene"
    [bench]="util model net gpu video vision exec mask overlay session scene plugins"
    [examples]="util model gpu/device-info video vision mask session"
)
vulkan_rooms=" src/gpu src/exec src/session bench "
rooms=" util model net gpu video vision exec mask overlay session scene plugins "

failures=0
refuse() {
    echo "$*"
    failures=$((failures + 1))
}

# knows FOLDER USED: USED is a header (exec/tile.h) or an object (exec/tile).
knows() {
    local used=${2%.h}
    case " ${may[$1]} ${1#src/} " in
    *" ${used%%/*} "* | *" $used "*) return 0 ;;
    esac
    return 1
}

# --- Includes, as written ------------------------------------------------------------------------
files=0
while IFS= read -r file; do
    files=$((files + 1))
    folder=$(dirname "$file")
    while [ "$folder" != . ] && [ -z "${may[$folder]+known}" ]; do
        folder=$(dirname "$folder")
    done
    [ "$folder" != . ] || { refuse "$file: in no known room"; continue; }
    while IFS= read -r header; do
        case "$header" in
        ../*) refuse "$file includes $header: name it from src/" ;;
        */*) case "$rooms" in
            *" ${header%%/*} "*) knows "$folder" "$header" || refuse "$file includes $header: $folder must not know it" ;;
            esac ;;
        esac
    done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]([^">]+)[">].*/\1/p' "$file")
done < <(find src plugins bench examples -name '*.[ch]' 2>/dev/null | sort)
[ "$files" -gt 0 ] || { echo "no source files below $1"; exit 1; }
echo "$files files, $failures includes against the layers"

# --- Symbols: "USER OWNER", a pair of objects for each symbol that one uses of the other ---------
edges=$(mktemp)
symbols=$(mktemp)
trap 'rm -f "$edges" "$symbols"' EXIT
root=$PWD
cd "$build"
mapfile -t objects < <(find src plugins -path '*.a.p/*.c.o' 2>/dev/null | sort)
[ "${#objects[@]}" -gt 0 ] || { echo "no object files below $build"; exit 1; }
nm -gA "${objects[@]}" | sed -E 's#/[^/]*\.a\.p/(.*)\.c\.o:#/\1 #' >"$symbols"
awk '
    $2 == "U" { used[$1 " " $3]; next }
    $3 ~ /^[A-TV-Z]$/ { owner[$4] = $1 }
    END {
        for (pair in used) {
            split(pair, part, " ")
            if (part[2] in owner && owner[part[2]] != part[1])
                print part[1], owner[part[2]], part[2]
        }
    }' "$symbols" | sort >"$edges"
echo "${#objects[@]} objects, $(wc -l <"$edges") uses of each other's symbols"
[ -s "$edges" ] || refuse "no object uses another one's symbol: they were not read"

while read -r user owner symbol; do
    folder=$(dirname "$user")
    [ "$folder" = "$(dirname "$owner")" ] || knows "$folder" "${owner#src/}" ||
        refuse "$user uses $symbol of $owner: $folder must not know it"
done <"$edges"

for folder in "${!may[@]}"; do
    if ! circle=$(awk -v folder="$folder" '
            function room(object) { sub(/\/[^\/]*$/, "", object); return object }
            room($1) == folder && room($2) == folder { print $1, $2 }' "$edges" | tsort 2>&1 >/dev/null); then
        refuse "$folder: its files call each other in a circle: $(sed -n 's/^tsort: \([^-]\)/\1/p' <<<"$circle" |
            sort -u | tr '\n' ' ')"
    fi
done

# --- One name, one header ------------------------------------------------------------------------
while read -r object symbol; do
    header=$root/$object.h
    [ -f "$header" ] && grep -qE "\<$symbol\>|REGISTER_DECLARE\(${symbol#gst_element_register_}\)" "$header" ||
        refuse "$symbol is defined in $object.c and not declared in $object.h"
done < <(awk '$3 == "T" { print $1, $4 }' "$symbols")

# --- Headers, through includes of includes -------------------------------------------------------
foreign=0
while IFS=: read -r object header; do
    folder=$(dirname "$(dirname "$object")")
    case "$header" in
    */vulkan/*) case "$vulkan_rooms" in
        *" $folder "*) ;;
        *) refuse "$object: includes $header; Vulkan stays in src/gpu, src/exec and src/session" ;;
        esac ;;
    */gst/*) case "$folder" in
        src/*) refuse "$object: includes $header; GStreamer stays in plugins/" ;;
        esac ;;
    esac
    foreign=$((foreign + 1))
done < <(ninja -t deps "${objects[@]}" | awk '
    /^[^ ].*: #deps/ { object = $1; sub(/:$/, "", object); next }
    /\/(vulkan|gst)\// { print object ":" $1 }')
[ "$foreign" -gt 0 ] || refuse "no object includes a header of Vulkan or GStreamer: the list was not read"

echo "$failures failures"
[ "$failures" -eq 0 ]
