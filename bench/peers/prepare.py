#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the files that all peers share: prepare.py MODEL WIDTH HEIGHT FOLDER

FOLDER/input and FOLDER/logits: an input and the reference's answer to it, raw float32; the reference as the file has it,
not in its deploy form.  FOLDER/model.onnx: the deploy form for that size.
"""
import inspect
import sys
import warnings

import torch

from network import deploy, load_model


def export(model, x, path):
    options = {"opset_version": 16, "input_names": ["input"], "output_names": ["logits"]}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the other exporter needs packages beside PyTorch
    torch.onnx.export(model, (x,), path, **options)


def main():
    path, width, height, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    warnings.simplefilter("ignore")  # of the tracer: sizes are meant to be constants
    torch.manual_seed(1)
    x = torch.rand(1, 3, height, width) * 4 - 2
    with torch.no_grad():
        model = load_model(path)
        x.numpy().tofile(f"{folder}/input")
        model(x).numpy().tofile(f"{folder}/logits")
        export(deploy(model), x, f"{folder}/model.onnx")


if __name__ == "__main__":
    main()
