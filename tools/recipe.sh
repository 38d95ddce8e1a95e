#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The bundled models' whole recipe, from the data folders to chosen, converted and measured models; docs/training.md
# describes it. The same command continues after a kill at any step.
set -euo pipefail

usage() {
    cat <<'END'
usage: tools/recipe.sh OUT [OPTION...]
OUT holds data, states, models and tables; give the same OUT to continue.
  --data FOLDER      with kvasir-seg, polypgen and polypgen-negative (default: data)
  --init FILE        weights to start 128 x 128 from (default: models/lmnet-kvasir-128.safetensors)
  --epochs-128 N     of training at 128 x 128 (default: 80)
  --epochs-256 N     of training at 256 x 256, from those weights (default: 40)
  --minutes N        stop after so long and exit with status 3; the same command continues
  --finish           choose, convert and measure what there is by now; train no more
  --build FOLDER     with lmnet-segment and the plugin (default: build)
END
    exit 2
}

root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] && [ "${1#-}" = "$1" ] || usage
out=$1
shift
data=data init=$root/models/lmnet-kvasir-128.safetensors build=$root/build
epochs_128=80 epochs_256=40 minutes= finish=
while [ $# -gt 0 ]; do
    case $1 in
        --data | --init | --epochs-128 | --epochs-256 | --minutes | --build)
            [ $# -gt 1 ] || usage
            name=${1#--}
            printf -v "${name//-/_}" %s "$2"
            shift 2 ;;
        --finish) finish=1; shift ;;
        *) echo "recipe.sh: unknown option $1" >&2; usage ;;
    esac
done
for name in kvasir-seg polypgen polypgen-negative; do
    [ -d "$data/$name" ] || { echo "recipe.sh: $data/$name: no such folder; --data names the one above it" >&2; exit 1; }
done
mkdir -p "$out"
out=$(realpath "$out") data=$(realpath "$data") build=$(realpath "$build") init=$(realpath "$init")
# A second trainer would overwrite the first one's state; measuring disturbs nothing.
exec 9>"$out/lock"
[ -n "$finish" ] || flock -n 9 || { echo "recipe.sh: $out is in use by another run" >&2; exit 1; }
began=$(date +%s)

python=python3
"$python" -c 'import torch' 2>/dev/null || python=/usr/bin/python3
if "$python" -c 'import sys, torch; sys.exit(torch.cuda.is_available())'; then
    # Hours on a CPU that others use: run only when nothing else does. Linux weighs sessions first (autogroup), so that
    # nice alone would have no effect on other sessions. Start with `setsid`, lest the terminal's session sinks, too.
    if [ -z "$finish" ]; then
        renice -n 19 $$ >/dev/null
        chrt --idle -p 0 $$ || true
        echo 19 2>/dev/null >/proc/$$/autogroup || true
    fi
    device=("--threads" "$(nproc)")
    ! grep -qw avx512_bf16 /proc/cpuinfo || device+=(--bf16)
    # A thread that spins while it waits keeps the other one off the core that is left.
    export OMP_WAIT_POLICY=passive
else
    device=("--bf16")
fi
export GST_PLUGIN_PATH=$build/plugins${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}

tool() {
    local name=$1
    shift
    "$python" "$root/tools/$name" "$@"
}

prepare() {
    local name
    for name in kvasir-seg/{train,validation} polypgen/{train,validation} polypgen-negative/{train,validation,unclear}; do
        [ -d "$data/$name" ] || continue
        mkdir -p "$(dirname "$out/data/$name")"
        [ -d "$out/data/$name" ] || tool prepare.py crop "$data/$name" "$out/data/$name" --segment "$build/examples/lmnet-segment"
    done
    mkdir -p "$out/data/synthetic"
    [ -d "$out/data/synthetic/train" ] || tool prepare.py synthetic "$out/data/synthetic/train"
}

# train SIZE EPOCHS INIT OPTION...: last.pth is written at the end of all epochs.
train() {
    local size=$1 epochs=$2 from=$3 limit=()
    shift 3
    [ ! -e "$out/$size/last.pth" ] || return 0
    if [ -n "$minutes" ]; then
        # What has been prepared counts, too.
        limit=(--minutes "$(awk -v all="$minutes" -v gone="$(($(date +%s) - began))" 'BEGIN { print all - gone / 60 }')")
    fi
    tool train.py --recipe live --data "$out/data/kvasir-seg/train" "$out/data/polypgen/train" \
        "$out/data/polypgen-negative/train" "$out/data/synthetic/train=0.35" \
        --validation "$out/data/kvasir-seg/validation" "$out/data/polypgen/validation" "$out/data/polypgen-negative/validation" \
        --out "$out/$size" --size "${size}x$size" --epochs "$epochs" --init "$from" "${device[@]}" "${limit[@]}" "$@"
}

# measure SIZE: the model file of what training has found best so far, calibrated, and its tables. Anew only if that is new.
measure() {
    local size=$1 best=$out/$1/best.pth model=$out/lmnet-polyp-$1.safetensors tables=$out/tables-$1.md fit=$out/$1/fit.json
    local validation=(kvasir-seg/validation polypgen/validation polypgen-negative/validation) numbers
    [ -e "$best" ] && ! [ "$tables" -nt "$best" ] || return 0
    cd "$out/data" # for the folders' names in the tables
    tool convert.py "$best" "$out/$size/plain.safetensors"
    tool evaluate.py "$out/$size/plain.safetensors" "${validation[@]}" --by torch --fit --json "$fit.part"
    mv "$fit.part" "$fit"
    numbers=$("$python" -c 'import json, sys
fit = json.load(open(sys.argv[1]))["fit"]
print("--temperature", fit["temperature"], "--min-confidence", fit["min_confidence"])' "$fit")
    # shellcheck disable=SC2086  # four words
    tool convert.py "$best" "$model" --f16 $numbers
    {
        echo "Every mark, at threshold 0.5:"
        tool evaluate.py "$model" "${validation[@]}" polypgen-negative/unclear --min-confidence 0
        echo
        echo "Marks from the model's own min-confidence up:"
        tool evaluate.py "$model" "${validation[@]}" polypgen-negative/unclear --by torch --csv "$out/$size/pictures.csv" --json "$out/$size/figures.json" \
            --sheet "$out/$size/sheet.png" --curves "$out/$size/curves-marks.png"
    } >"$tables.part"
    mv "$tables.part" "$tables"
    echo "$model: tables in $tables"
}

prepare
if [ -z "$finish" ]; then
    train 128 "$epochs_128" "$init" --cycle 4 --lr 7e-4
    train 256 "$epochs_256" "$out/128/best.pth" --cycle 4 --lr 5e-4
fi
measure 128
measure 256
