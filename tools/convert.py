#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns a PyTorch checkpoint of LM-Net into a model file of the plugin: convert.py IN.pth OUT.safetensors

IN is what the authors' code saves, {'state_dict': ...}, or a bare state_dict, with DataParallel's `module.` or without,
or a .safetensors file.  Only tensors are read from it, nothing in it is run.  What the plugin would refuse is refused
here, by the tensor's name.  Settings not given are those that the file brings along (train.py's do), or the defaults.
"""
import argparse
import sys

import torch

from lmtrain import checkpoint
from lmtrain.checkpoint import CheckpointError
from lmtrain.data import network_size
import safetensors_io

BRANCHES = ("large_conv.", "square_conv.", "ver_conv.", "hor_conv.")
MAX_HIDDEN = 3072  # of squeeze-and-excite, by the plugin's shaders


def drop_unused(state):
    """Without what the plugin ignores: counters, and the branches beside the kernel that they were fused to."""
    def is_unused(name):
        for branch in BRANCHES:
            block, found, _ = name.partition("." + branch)
            if found and f"{block}.fuse_conv.weight" in state:
                return True
        return name.endswith("num_batches_tracked")
    return {name: value for name, value in state.items() if not is_unused(name)}


def check_values(name, value):
    if not value.is_floating_point():
        raise CheckpointError(f"tensor '{name}' has dtype {value.dtype}, floating point expected")
    if not torch.isfinite(value).all():
        raise CheckpointError(f"tensor '{name}' has values that are not finite")
    if name.endswith("running_var") and (value < 0).any():
        raise CheckpointError(f"tensor '{name}' has a variance below 0")
    if name.endswith("se.fc1.weight") and value.shape[0] > MAX_HIDDEN:
        raise CheckpointError(f"tensor '{name}': {value.shape[0]} channels, at most {MAX_HIDDEN} expected")


def check(state, heads):
    """Raises CheckpointError naming the first tensor that is missing, of another shape, unusable, or not LM-Net's."""
    expected = {name: value for name, value in checkpoint.build(state, heads).state_dict().items()
                if not name.endswith("num_batches_tracked")}
    for name, value in expected.items():
        if name not in state:
            raise CheckpointError(f"tensor '{name}' is missing")
        if state[name].shape != value.shape:
            raise CheckpointError(f"tensor '{name}' has shape {list(state[name].shape)}, {list(value.shape)} expected")
        check_values(name, state[name])
    for name in state:
        if name not in expected:
            raise CheckpointError(f"tensor '{name}' is not one of this network's")


def to_half(state):
    half = {name: value.half() for name, value in state.items()}
    for name, value in half.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"tensor '{name}' has values beyond the range of F16")
    return half


def cool(state, temperature):
    """The state with its logits divided by the temperature: in the last layer, so that nothing else need know it."""
    return {name: value / temperature if name.startswith("output_layer.") else value for name, value in state.items()}


def class_names(text, n):
    if not 2 <= n <= 16:
        raise CheckpointError(f"tensor 'output_layer.weight': {n} classes, 2 to 16 expected")
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise CheckpointError(f"class names '{text}': one is empty")
    if len(names) != n:
        raise CheckpointError(f"tensor 'output_layer.weight': {n} classes, '{text}' names {len(names)}")
    return ",".join(names)


def convert(state, metadata, half):
    """(arrays, metadata) of the model file."""
    metadata = {"lmnet.heads": "12", "lmnet.input_width": "256", "lmnet.input_height": "256", "lmnet.channel_order": "rgb",
                "lmnet.mean": "0.485,0.456,0.406", "lmnet.std": "0.229,0.224,0.225", **metadata}
    state = drop_unused(state)
    check(state, int(metadata["lmnet.heads"]))
    n = state["output_layer.weight"].shape[0]
    default = "background,polyp" if n == 2 else ",".join(["background"] + [f"class{i}" for i in range(1, n)])
    metadata["lmnet.classes"] = class_names(metadata.get("lmnet.classes") or default, n)
    state = to_half(state) if half else {name: value.float() for name, value in state.items()}
    return {name: value.numpy() for name, value in state.items()}, metadata


def number(low, high):
    """A parser of numbers in low..high, low excluded."""
    def parse_number(text):
        value = float(text)
        if not low < value <= high:
            raise argparse.ArgumentTypeError(f"'{text}': more than {low:g}, at most {high:g} expected")
        return value
    return parse_number


def parse(arguments):
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("source", metavar="IN")
    p.add_argument("target", metavar="OUT.safetensors")
    p.add_argument("--bgr", action="store_true", help="it was trained on B, G, R, as the authors' loader reads pictures")
    p.add_argument("--input", type=network_size, metavar="WxH", help="what size it takes (default: 256x256)")
    p.add_argument("--classes", metavar="NAMES", help="commas between them, background first (default: background,polyp)")
    p.add_argument("--heads", type=int, help="of attention (default: 12)")
    p.add_argument("--temperature", type=number(0, 100), metavar="T",
                   help="logits are divided by it, in the last layer's weights (evaluate.py --fit finds it)")
    p.add_argument("--min-confidence", type=number(0, 1), metavar="C",
                   help="smallest confidence of a finding that should be shown (evaluate.py --fit finds it)")
    p.add_argument("--f16", action="store_true", help="half the size, and not less accurate than the plugin's fp16")
    return p.parse_args(arguments)


def main(arguments=None):
    args = parse(arguments)
    state, metadata = checkpoint.read(args.source)
    metadata = {key: value for key, value in metadata.items() if key.startswith("lmnet.")}
    if args.bgr:
        metadata["lmnet.channel_order"] = "bgr"
    if args.input:
        metadata["lmnet.input_width"], metadata["lmnet.input_height"] = (str(side) for side in args.input)
    if args.classes is not None:
        metadata["lmnet.classes"] = args.classes
    if args.heads is not None:
        metadata["lmnet.heads"] = str(args.heads)
    if args.min_confidence is not None:
        metadata["lmnet.min_confidence"] = f"{args.min_confidence:.4f}"
    if args.temperature is not None:
        state = cool(state, args.temperature)
    try:
        arrays, metadata = convert(state, metadata, args.f16)
    except CheckpointError as error:
        raise CheckpointError(f"{args.source}: {error}") from error
    checkpoint.replace(args.target, lambda path: safetensors_io.save(path, arrays, metadata))
    print(f"{args.target}: {len(arrays)} tensors, {sum(a.size for a in arrays.values())} values, "
          + ", ".join(f"{key.removeprefix('lmnet.')} {value}" for key, value in metadata.items()))


if __name__ == "__main__":
    try:
        main()
    except (CheckpointError, OSError) as error:
        sys.exit(f"convert.py: {error}")
