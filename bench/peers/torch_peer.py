#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PyTorch as a peer: torch_peer.py MODE THREADS MODEL WIDTH HEIGHT INPUT LOGITS

MODE: eager, frozen (traced and frozen), both fp32 on the CPU; cuda-eager, cuda-compiled (torch.compile with CUDA graphs),
both fp16 on the first CUDA device.  Writes its answer to LOGITS (raw float32) and a line of JSON with its name; then, for
each line with a number of passes, a line of JSON with their times in ms, input and output where the network runs.
"""
import json
import sys
import time
import warnings

import numpy
import torch

from network import deploy, load_model


def build(mode, model, x):
    if mode == "frozen":
        return torch.jit.freeze(torch.jit.trace(model, x))
    if mode == "cuda-compiled":
        return torch.compile(model, mode="reduce-overhead")
    return model


def main():
    mode, threads, path, width, height, source, target = sys.argv[1:]
    warnings.simplefilter("ignore")
    torch.set_num_threads(int(threads))
    cuda = mode.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        sys.exit("PyTorch finds no CUDA device")
    if mode == "cuda-compiled" and not hasattr(torch, "compile"):
        sys.exit(f"PyTorch {torch.__version__} has no torch.compile")
    values = numpy.fromfile(source, numpy.float32).reshape(1, 3, int(height), int(width))
    model, x = deploy(load_model(path)), torch.from_numpy(values)
    if cuda:
        torch.backends.cudnn.benchmark = True
        model, x = model.cuda().half(), x.cuda().half()

    def timed():
        start = time.perf_counter()
        y = model(x)
        if cuda:
            torch.cuda.synchronize()
        return (time.perf_counter() - start) * 1e3, y

    with torch.inference_mode():
        model = build(mode, model, x)
        for _ in range(5):  # the first passes profile, compile or capture
            _, logits = timed()
        logits.float().cpu().numpy().tofile(target)
        where = torch.cuda.get_device_name() if cuda else "CPU"
        print(json.dumps({"name": f"PyTorch {torch.__version__} {mode.removeprefix('cuda-')}, {where}",
                          "precision": "fp16" if cuda else "fp32"}), flush=True)
        for line in sys.stdin:
            timed()
            print(json.dumps([timed()[0] for _ in range(int(line))]), flush=True)


if __name__ == "__main__":
    main()
