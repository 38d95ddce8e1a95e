#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Times the same network with lmnet-bench, PyTorch and onnxruntime, in turns, and prints one table.
#
#   bench/peers/compare.sh [--size 256] [--threads 2] [--rounds 5] [--runs 5] [--json FILE] ...      --help lists all
#
# Needs a build in build/ (or in the folder that BUILD names). Peers are optional, and the table
# shows why one is missing: PyTorch (apt-get install python3-torch; PYTHON names another Python)
# also writes the model file for onnxruntime; npm installs onnxruntime into the build folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath -m "${BUILD:-$root/build}")
onnxruntime=onnxruntime-node@1.30.0

[ -x "$build/bench/lmnet-bench" ] || {
    echo "There is no $build/bench/lmnet-bench: run tools/build.sh, or name a build folder by BUILD." >&2
    exit 1
}
work=$build/bench/peers
mkdir -p "$work"

# The install script would fetch libraries for CUDA, which nothing here uses.
if command -v npm >/dev/null && [ "$(cat "$work/installed" 2>/dev/null)" != $onnxruntime ]; then
    if npm install --prefix "$work" --no-save --no-audit --no-fund --ignore-scripts $onnxruntime >"$work/npm.log" 2>&1; then
        echo $onnxruntime >"$work/installed"
    else
        echo "npm could not install $onnxruntime: see $work/npm.log" >&2
    fi
fi

# The first Python that has PyTorch; if none does, the first.
python=
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
    command -v "$candidate" >/dev/null || continue
    python=${python:-$candidate}
    if "$candidate" -c 'import torch' 2>/dev/null; then
        python=$candidate
        break
    fi
done
exec "${python:?there is no python3}" "$root/bench/peers/compare.py" --bench "$build/bench/lmnet-bench" --work "$work" "$@"
