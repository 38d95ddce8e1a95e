#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures a model on a folder of pictures and masks: evaluate.py MODEL FOLDER

By PyTorch each picture is squeezed to the network's input, and the probabilities are upsampled to --score-size, where
the likeliest class is compared with the mask.  Through the element (`lmnet ! lmnetmask`) RGB frames of --score-size go
in and masks of that size come out.  The plugin is looked for where GStreamer does: GST_PLUGIN_PATH=build/plugins.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image, ImageDraw

from lmtrain import attention, checkpoint, data, scores

COLUMNS = (("class_mean_dice", "class-mean Dice"), ("class_mean_iou", "class-mean IoU"), ("dice", "foreground Dice"),
           ("iou", "foreground IoU"), ("precision", "precision"), ("recall", "recall"), ("picture_dice", "per-image Dice"),
           ("picture_iou", "per-image IoU"))
FOUND, TRUTH = (0, 229, 255), (80, 255, 80)


def by_torch(path, paths, out_size, input_size, batch=8):
    """N x H x W classes found by PyTorch."""
    model, metadata = checkpoint.load(path)
    model.eval()
    if torch.cuda.is_available():
        model.cuda()
    if not input_size:
        input_size = tuple(int(metadata.get(f"lmnet.input_{side}", 256)) for side in ("width", "height"))
    normal = [[float(v) for v in metadata[key].split(",")] if key in metadata else default
              for key, default in (("lmnet.mean", data.MEAN), ("lmnet.std", data.STD))]
    found = []
    for i in range(0, len(paths), batch):
        images = data.load_images(paths[i:i + batch], input_size)
        if metadata.get("lmnet.channel_order") == "bgr":
            images = images.flip(1)
        found.append(scores.predict(model, images, out_size, *normal).argmax(1).byte().cpu())
    return torch.cat(found)


def element_planes(path, paths, frame_size, plane_size, lmnet=(), lmnetmask=()):
    """N x H x W bytes that the plugin's elements make of the pictures at paths, as RGB frames of frame_size.

    Widths are multiples of four, so that GStreamer's rows have no padding.
    """
    with tempfile.TemporaryDirectory() as folder:
        frames, masks = os.path.join(folder, "frames"), os.path.join(folder, "masks")
        with open(frames, "wb") as file:
            for name in paths:
                file.write(data.load_images([name], frame_size)[0].permute(1, 2, 0).contiguous().numpy().tobytes())
        subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={frames}", "!",
                        "rawvideoparse", "format=rgb", f"width={frame_size[0]}", f"height={frame_size[1]}", "!",
                        "lmnet", f"model={os.path.abspath(path)}", "overlay=0", "mode=every-frame", *lmnet, "!",
                        "lmnetmask", *lmnetmask, "!", "filesink", f"location={masks}"], check=True, stdin=subprocess.DEVNULL)
        planes = numpy.fromfile(masks, numpy.uint8)
    size = len(paths) * plane_size[0] * plane_size[1]
    if planes.size != size:
        raise SystemExit(f"the element gave {planes.size} bytes of masks, {size} expected")
    return planes.reshape(len(paths), plane_size[1], plane_size[0])


def by_element(path, paths, out_size, classes, precision, device):
    """N x H x W classes found by the plugin's element."""
    values = element_planes(path, paths, out_size, out_size, (f"precision={precision}", f"device={device}"),
                            ("content=class",)).astype(numpy.float32)
    return torch.from_numpy(numpy.rint(values * (classes - 1) / 255).astype(numpy.uint8))


def outline(pixels, mask, colour):
    """Draws the border of mask > 0, two pixels wide."""
    inside = mask > 0
    padded = numpy.pad(inside, 2, mode="edge")
    height, width = inside.shape
    core = numpy.logical_and.reduce([padded[2 + y:2 + y + height, 2 + x:2 + x + width]
                                     for y, x in ((-2, 0), (2, 0), (0, -2), (0, 2), (-1, -1), (1, 1), (-1, 1), (1, -1))])
    pixels[inside & ~core] = colour


def contact_sheet(path, found, truth, pairs, dice, n):
    """The n worst, median and best pictures, a row each, with what is true (green) and what was found (cyan)."""
    order = numpy.argsort(dice, kind="stable")
    n = min(n, len(order))
    middle = (len(order) - n) // 2
    rows = (("worst", order[:n]), ("median", order[middle:middle + n]), ("best", order[len(order) - n:]))
    height, width = truth.shape[1:]
    sheet = Image.new("RGB", (n * width, len(rows) * (height + 14)))
    draw = ImageDraw.Draw(sheet)
    for y, (name, chosen) in enumerate(rows):
        for x, i in enumerate(chosen):
            pixels = data.load_images([pairs[i][1]], (width, height))[0].permute(1, 2, 0).numpy().copy()
            outline(pixels, truth[i].numpy(), TRUTH)
            outline(pixels, found[i].numpy(), FOUND)
            sheet.paste(Image.fromarray(pixels), (x * width, y * (height + 14) + 14))
            draw.text((x * width + 2, y * (height + 14) + 1), f"{name}: {pairs[i][0]}  Dice {dice[i]:.3f}", fill="white")
    sheet.save(path)


def parse():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("model", help=".safetensors; for PyTorch alone .pth, too")
    p.add_argument("folder", help="with images and masks")
    p.add_argument("--by", choices=("torch", "element", "both"), default="both", help="which way (default: both)")
    p.add_argument("--input", type=data.network_size, metavar="WxH", help="what PyTorch takes (default: the model's)")
    p.add_argument("--score-size", type=data.score_size, default=scores.SCORE_SIZE, metavar="WxH", help="default: 352x352")
    p.add_argument("--precision", default="fp32", help="of the element (default: fp32)")
    p.add_argument("--device", default="auto", help="of the element (default: auto)")
    p.add_argument("--sheet", metavar="PNG", help="writes the worst, median and best pictures there")
    p.add_argument("--sheet-columns", type=int, default=6)
    return p.parse_args()


def main():
    args = parse()
    attention.use()
    pairs = data.pairs(args.folder)
    paths = [pair[1] for pair in pairs]
    classes = checkpoint.read(args.model)[0]["output_layer.weight"].shape[0]
    truth = data.load_masks([pair[2] for pair in pairs], args.score_size, classes)
    found = {}
    if args.by != "element":
        found["PyTorch"] = by_torch(args.model, paths, args.score_size, args.input)
    if args.by != "torch":
        found["element, " + args.precision] = by_element(args.model, paths, args.score_size, classes, args.precision,
                                                           args.device)

    print(f"{len(pairs)} pictures\n")
    print("| way |" + "".join(f" {title} |" for _, title in COLUMNS))
    print("| --- |" + " --- |" * len(COLUMNS))
    for way, masks in found.items():
        matrices = scores.counts(masks, truth, classes)
        table = scores.summarise(matrices)
        print(f"| {way} |" + "".join(f" {table[key]:.4f} |" for key, _ in COLUMNS))
    if len(found) == 2:
        same = (found["PyTorch"] == masks).float().mean().item()
        print(f"\nthe same class both ways at {100 * same:.3f} % of pixels")
    if args.sheet:
        contact_sheet(args.sheet, masks, truth, pairs, [scores.scores(m)["dice"] for m in matrices], args.sheet_columns)


if __name__ == "__main__":
    try:
        main()
    except (checkpoint.CheckpointError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"evaluate.py: {error}")
