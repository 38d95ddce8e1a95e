#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fails if a pixel format has been forgotten: formats.sh SOURCE_ROOT PLUGIN_FOLDER     ("no": without GStreamer)
#
# Each format of the table in src/video/frame.c must be in the caps of lmnet, lmnetoverlay and
# lmnetmask, in the formats that tests/plugins/test-picture.c and test-source.c go over, and in the
# documents. The compiler names the switches that lack a format.
set -euo pipefail
plugin_folder=$2
[ "$plugin_folder" = no ] || plugin_folder=$(realpath "$plugin_folder")
cd "$1"

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
failures=0
refuse() {
    echo "$*"
    failures=$((failures + 1))
}

mapfile -t names < <(sed -nE 's/^ *ROW\([A-Z0-9_]+, [^"]*"([A-Za-z0-9_]+)".*/\1/p' src/video/frame.c)
rows=$(grep -cE '^ *ROW\(' src/video/frame.c || true)
[ "${#names[@]}" -gt 0 ] && [ "${#names[@]}" -eq "$rows" ] ||
    refuse "src/video/frame.c: ${#names[@]} names in $rows rows: they were not read"

documents=(README.md)
[ ! -f docs/reference.md ] || documents+=(docs/reference.md)
for name in "${names[@]}"; do
    grep -qF "\"$name\"" tests/plugins/test-picture.c ||
        refuse "$name is missing in the formats of tests/plugins/test-picture.c"
    case "$name" in
    v210 | P010_10LE) ;; # endoscopytestsrc has 8-bit formats alone
    *) grep -qF "\"$name\"" tests/plugins/test-source.c ||
        refuse "$name is missing in the formats of tests/plugins/test-source.c" ;;
    esac
    grep -qw -- "$name" "${documents[@]}" || refuse "$name is missing in ${documents[*]}"
done

if [ "$plugin_folder" != no ]; then
    export GST_PLUGIN_PATH=$plugin_folder GST_REGISTRY=$temporary/registry.bin
    for element in lmnet lmnetoverlay lmnetmask; do
        gst-inspect-1.0 "$element" >"$temporary/inspect" || { refuse "gst-inspect-1.0 $element failed"; continue; }
        for name in "${names[@]}"; do
            grep -qE "\(string\)$name\b" "$temporary/inspect" ||
                refuse "$name is missing in the caps of $element: see plugins/gstlmframe.h"
        done
    done
fi

echo "${#names[@]} formats, $failures failures"
[ "$failures" -eq 0 ]
