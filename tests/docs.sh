#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Checks the documents: docs.sh SOURCE_ROOT PLUGIN_FOLDER      ("no": without GStreamer)
#
# Fails if README.md has more than 200 lines; if a line of README.md, CONTRIBUTING.md, docs/*.md or models/README.md
# is wider than 100 columns, unless it is a table row or a single link; if a relative link or image
# of any .md file points to a file that does not exist; if a path in backquotes, from one of the
# project's folders on, does not; or if a property of an element has no table row in the element's
# section of docs/reference.md or in docs/ELEMENT.md.
set -euo pipefail
export LC_ALL=C.UTF-8 # Columns are characters, not bytes.
plugin_folder=$2
[ "$plugin_folder" = no ] || plugin_folder=$(realpath "$plugin_folder")
cd "$1"
max_lines=200
max_columns=100

temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
failures=0
refuse() {
    echo "$*"
    failures=$((failures + 1))
}

# --- Length and width ----------------------------------------------------------------------------
lines=$(wc -l <README.md)
[ "$lines" -le "$max_lines" ] ||
    refuse "README.md:$((max_lines + 1)): $lines lines, at most $max_lines are allowed"

table_row='^[[:space:]]*\|'
single_word='^[[:space:]]*([-*][[:space:]]+)?[^[:space:]]+$'
single_link='^[[:space:]]*([-*][[:space:]]+)?!?\[[^]]*\]\([^)]*\)[.,:;]?$'
while IFS=: read -r file number text; do
    [[ $text =~ $table_row || $text =~ $single_word || $text =~ $single_link ]] ||
        refuse "$file:$number: ${#text} columns, at most $max_columns are allowed"
done < <(grep -nE "^.{$((max_columns + 1)),}\$" README.md CONTRIBUTING.md docs/*.md models/README.md || true)

# --- Links and paths -----------------------------------------------------------------------------
# "LINE TARGET" of each link, image and link definition of a file, outside code.
list_links() {
    sed -E '/^[[:space:]]*```/,/^[[:space:]]*```/s/.*//; s/`[^`]*`//g' "$1" >"$temporary/text"
    { grep -noE '\]\([^)]+' "$temporary/text" || true
        grep -noE '^\[[^]]*\]:[[:space:]]*[^[:space:]]+' "$temporary/text" || true; } |
        sed -E 's/^([0-9]+):(\]\(|\[[^]]*\]:[[:space:]]*)([^[:space:]]+).*/\1 \3/'
}

# "LINE PATH" of each path in backquotes that begins with one of the project's folders.
list_paths() {
    local folders='src|plugins|shaders|tests|bench|examples|tools|docs|models'
    grep -noE "\`($folders)/[A-Za-z0-9_./-]*" "$1" | tr -d '`' | tr ':' ' ' || true
}

# Folders that hold a build may hold other projects' files.
mapfile -t documents < <(find . -mindepth 1 \
    \( -name '.?*' -o -type d -exec test -d '{}/meson-private' \; \) -prune -o -name '*.md' -print |
    sed 's|^\./||' | sort)
links=0
paths=0
for file in "${documents[@]}"; do
    while read -r number target; do
        case "$target" in
        [a-z]*:* | '#'*) continue ;;
        esac
        links=$((links + 1))
        [ -e "$(dirname "$file")/${target%%#*}" ] ||
            refuse "$file:$number: links to $target, which does not exist"
    done < <(list_links "$file")
    while read -r number path; do
        paths=$((paths + 1))
        # A module may be named without the endings of its files.
        [ -e "$path" ] || compgen -G "$path.*" >/dev/null ||
            refuse "$file:$number: names $path, which does not exist"
    done < <(list_paths "$file")
done
[ "$links" -gt 0 ] || refuse "no links in ${documents[*]}: they were not read"
[ "$paths" -gt 0 ] || refuse "no paths in ${documents[*]}: they were not read"
echo "${#documents[@]} documents, $links links, $paths paths; README.md has $lines lines"

# --- Properties ----------------------------------------------------------------------------------
# Of GstObject, GstBaseTransform and GstBaseSrc.
inherited=" name parent qos blocksize do-timestamp num-buffers typefind automatic-eos "

# The section of docs/reference.md about an element, and the element's own page.
section_of() {
    awk -v heading="## $1" '/^## / { inside = $0 == heading } inside' docs/reference.md
    [ ! -f "docs/$1.md" ] || cat "docs/$1.md"
}

if [ "$plugin_folder" != no ]; then
    export GST_PLUGIN_PATH=$plugin_folder GST_REGISTRY=$temporary/registry.bin
    for element in lmnet lmnetoverlay lmnetmask endoscopytestsrc; do
        section_of "$element" >"$temporary/section"
        gst-inspect-1.0 "$element" >"$temporary/inspect" ||
            { refuse "gst-inspect-1.0 $element failed"; continue; }
        own=0
        while read -r property; do
            case "$inherited" in
            *" $property "*) continue ;;
            esac
            own=$((own + 1))
            grep -qF "| \`$property\` |" "$temporary/section" ||
                refuse "docs/reference.md: section \"## $element\" has no row for \`$property\`"
        done < <(sed -nE '/^Element Properties/,$s/^  ([a-z][a-z0-9-]*) +: .*/\1/p' \
            "$temporary/inspect")
        [ "$own" -gt 0 ] || refuse "gst-inspect-1.0 $element: its properties were not read"
        echo "$element: $own properties of its own"
    done
fi

echo "$failures failures"
[ "$failures" -eq 0 ]
