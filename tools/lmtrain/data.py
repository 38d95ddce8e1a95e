# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures and masks of a folder, as bytes in one tensor each.

A folder holds `images` and `masks`, with files of the same name up to the last dot.  A mask is grey:
a pixel's class is round(value * (classes - 1) / 255), so black is background and, with two classes, white the other.
A folder without `masks` shows background alone.
"""
import argparse
import os

import numpy
import torch
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff")


def parse_size(text, step, low, high):
    """(width, height) of WxH on a command line."""
    try:
        width, height = (int(part) for part in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}': WIDTHxHEIGHT expected") from None
    if any(side % step or not low <= side <= high for side in (width, height)):
        raise argparse.ArgumentTypeError(f"'{text}': sides must be multiples of {step} from {low} to {high}")
    return width, height


def network_size(text):
    """A size that LM-Net and the plugin take."""
    return parse_size(text, 16, 32, 1024)


def score_size(text):
    """A size of frames for the plugin whose rows GStreamer does not pad."""
    return parse_size(text, 4, 32, 4096)


def pairs(folder):
    """[(stem, picture's path, mask's path or None)], sorted."""
    def files(kind):
        path = os.path.join(folder, kind)
        return {os.path.splitext(name)[0]: os.path.join(path, name) for name in os.listdir(path)
                if name.lower().endswith(SUFFIXES)}

    images = files("images")
    if not images:
        raise SystemExit(f"{folder}/images: no pictures")
    if not os.path.isdir(os.path.join(folder, "masks")):
        return [(stem, images[stem], None) for stem in sorted(images)]
    masks = files("masks")
    for stem in sorted(images):
        if stem not in masks:
            raise SystemExit(f"{images[stem]}: no mask of this name in {folder}/masks")
    return [(stem, images[stem], masks[stem]) for stem in sorted(images)]


def load_images(paths, size):
    """N x 3 x H x W bytes, R, G, B: each picture squeezed to size = (width, height) whatever its aspect."""
    out = torch.empty(len(paths), 3, size[1], size[0], dtype=torch.uint8)
    for i, path in enumerate(paths):
        with Image.open(path) as picture:
            pixels = numpy.array(picture.convert("RGB").resize(size, Image.Resampling.BILINEAR))
        out[i] = torch.from_numpy(pixels).permute(2, 0, 1)
    return out


def load_masks(paths, size, classes=2):
    """N x H x W bytes, each a class; background alone for a path that is None."""
    out = torch.zeros(len(paths), size[1], size[0], dtype=torch.uint8)
    for i, path in enumerate(paths):
        if path is None:
            continue
        with Image.open(path) as picture:
            values = numpy.array(picture.convert("L").resize(size, Image.Resampling.NEAREST), numpy.float32)
        out[i] = torch.from_numpy(numpy.rint(values * (classes - 1) / 255).astype(numpy.uint8))
    return out


def normalise(images, mean=MEAN, std=STD):
    """What the network takes, from values in 0..1; mean and deviation are in the order of the images' channels."""
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (mean, std))
    return (images - mean) / std
