# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checkpoints: reading .pth and .safetensors files, the network that fits them, writing files whole or not at all."""
import collections
import os
import pickle
import zipfile

import torch

import safetensors_io
from lmnet_reference import LMNet

WIDTH_TENSORS = tuple(f"conv{i}.1.shortcut.0.weight" for i in range(1, 5)) + ("down4.0.weight",)
FIRST_TENSOR = "conv1.0.expand_conv.0.weight"
STORAGES = {"DoubleStorage": torch.double, "FloatStorage": torch.float, "HalfStorage": torch.half,
            "BFloat16Storage": torch.bfloat16, "LongStorage": torch.long, "IntStorage": torch.int, "ShortStorage": torch.short,
            "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool}


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the text names the file and, if there is one, the tensor."""


def replace(path, write):
    """Lets `write(temporary path)` write, then puts the file in its place: it is there whole, or as it was before."""
    temporary = f"{path}.part"
    write(temporary)
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save_pth(path, content):
    replace(path, lambda temporary: torch.save(content, temporary))


class Unpickler(pickle.Unpickler):
    """Reads tensors, containers, numbers and text of a .pth file, and refuses to look up anything else.

    What torch.load's weights_only is for; but in torch 1.13 that refuses every floating-point number.
    """

    def __init__(self, archive, index):
        super().__init__(archive.open(index))
        self.archive, self.folder = archive, index.removesuffix("data.pkl")

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch", "Size"):
            return tuple
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda values, offset, size, stride, *_: values.as_strided(size, stride, offset)
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"it refers to {module}.{name}")

    def persistent_load(self, what):
        _, dtype, key, _, n = what
        data = bytearray(self.archive.read(f"{self.folder}data/{key}"))
        return torch.frombuffer(data, dtype=dtype, count=n) if n else torch.empty(0, dtype=dtype)


def load_pth(path):
    """A .pth file's content; tensors and plain containers are read, and nothing in the file is run."""
    try:
        if not zipfile.is_zipfile(path):  # of torch before 1.6
            return torch.load(path, map_location="cpu", weights_only=True)
        with zipfile.ZipFile(path) as archive:
            index = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            return Unpickler(archive, index).load()
    except OSError:
        raise
    except Exception as error:  # many kinds, from what a wrong file may hold
        raise CheckpointError(f"{path}: not a checkpoint of tensors alone: {error!r}") from error


def read(path):
    """(state_dict, metadata) of a .safetensors or .pth file.

    A .pth file holds a state_dict, bare or under the key 'state_dict', with DataParallel's `module.` before its names
    or not; its metadata are what train.py writes under 'metadata', in the words of a safetensors file.
    """
    if str(path).endswith(".safetensors"):
        arrays, metadata = safetensors_io.load(path)
        return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, metadata
    content = load_pth(path)
    metadata = {}
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        metadata = content.get("metadata", {})
        content = content["state_dict"]
    if not isinstance(content, dict) or not content or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise CheckpointError(f"{path}: neither a state_dict nor one under the key 'state_dict'")
    return {name.removeprefix("module."): value for name, value in content.items()}, metadata


def build(state, heads=12):
    """An untrained LM-Net with the widths, classes, form and position bias of a state_dict."""
    for name in WIDTH_TENSORS + ("output_layer.weight",):
        if name not in state:
            raise CheckpointError(f"tensor '{name}' is missing")
        if state[name].ndim != 4 or not state[name].shape[0]:
            raise CheckpointError(f"tensor '{name}' has shape {list(state[name].shape)}, four dimensions expected")
    widths = [state[name].shape[0] for name in WIDTH_TENSORS]
    for name, width in zip(("natt4", "natt3", "natt2", "natt1", "gft"), widths[:4] + [sum(widths)]):
        if heads < 1 or width % heads:
            raise CheckpointError(f"tensor '{name}.patchembedding.patch_embeddings.weight': width {width} does not divide "
                                  f"by heads = {heads}")
    return LMNet(classes=state["output_layer.weight"].shape[0], filters=widths, heads=heads,
                 rel_pos_bias="natt1.att1.rpb" in state, deploy="conv1.0.fuse_conv.weight" in state)


def load(path):
    """(network with the file's weights, metadata); the number of heads is the metadata's."""
    try:
        state, metadata = read(path)
        model = build(state, int(metadata.get("lmnet.heads", 12)))
        model.load_state_dict({name: value.float() if value.is_floating_point() else value
                               for name, value in state.items()}, strict=False)
        missing = [name for name in model.state_dict() if name not in state and not name.endswith("num_batches_tracked")]
        if missing:
            raise CheckpointError(f"tensor '{missing[0]}' is missing")
    except (CheckpointError, RuntimeError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    return model, metadata
