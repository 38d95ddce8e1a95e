#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes folders to train on and to measure with: prepare.py crop FROM TO, or prepare.py synthetic TO

`crop` copies a folder of pictures, and its masks if it has any, cropped to the endoscopic content area that the element
finds with region=auto: `lmnet-segment --print-region` says which.  `synthetic` takes frames without a polyp from
endoscopytestsrc.  TO appears whole or not at all.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import numpy
from PIL import Image

from lmtrain import data

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BATCH = 64  # pictures that lie in the temporary folder at once
SCREENS = ("none", "round", "octagon")


def regions(program, paths):
    """A box (left, top, right, bottom) for each picture."""
    out = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(0, len(paths), BATCH):
            names = []
            for k, path in enumerate(paths[i:i + BATCH]):
                names.append(os.path.join(folder, f"{k}.ppm"))
                with Image.open(path) as picture:
                    picture.convert("RGB").save(names[-1])
            run = subprocess.run([program, "--print-region", *names], check=True, capture_output=True, text=True)
            for line in run.stdout.splitlines():
                x, y, width, height = (int(part) for part in line.split(" ")[0].split(","))
                out.append((x, y, x + width, y + height))
    if len(out) != len(paths):
        raise SystemExit(f"{program}: {len(out)} regions for {len(paths)} pictures")
    return out


def crop(program, source, target):
    found = data.pairs(source)
    boxes = regions(program, [pair[1] for pair in found])
    cropped = 0
    for (stem, image, mask), box in zip(found, boxes):
        with Image.open(image) as picture:
            cropped += box != (0, 0, *picture.size)
            picture.convert("RGB").crop(box).save(os.path.join(target, "images", f"{stem}.png"), compress_level=1)
            size = picture.size
        if mask:
            with Image.open(mask) as picture:
                if picture.size != size:
                    raise SystemExit(f"{mask}: {picture.size[0]}x{picture.size[1]}, its picture is {size[0]}x{size[1]}")
                os.makedirs(os.path.join(target, "masks"), exist_ok=True)
                picture.convert("L").crop(box).save(os.path.join(target, "masks", f"{stem}.png"), compress_level=1)
    print(f"{source}: {len(found)} pictures, {cropped} cropped")


def synthetic(target, colons, frames, every, size):
    """Every so many-th frame of that many colons."""
    for seed in range(colons):
        raw = os.path.join(target, "raw")
        subprocess.run(["gst-launch-1.0", "-q", "endoscopytestsrc", f"seed={1000 + seed}", "polyps=0",
                        f"screen={SCREENS[seed % len(SCREENS)]}", f"num-buffers={frames * every}", "!",
                        f"video/x-raw,format=RGB,width={size},height={size}", "!", "filesink", f"location={raw}"], check=True)
        pictures = numpy.fromfile(raw, numpy.uint8).reshape(-1, size, size, 3)
        os.unlink(raw)
        for i, pixels in enumerate(pictures[::every]):
            Image.fromarray(pixels).save(os.path.join(target, "images", f"{seed:02}-{i:03}.png"))
    print(f"{colons} colons: {len(os.listdir(os.path.join(target, 'images')))} frames without a polyp")


def parse():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    kinds = p.add_subparsers(dest="kind", required=True)
    kind = kinds.add_parser("crop", help="a folder of pictures to their content areas")
    kind.add_argument("source", metavar="FROM", help="with images, and masks or none")
    kind.add_argument("target", metavar="TO")
    kind.add_argument("--segment", metavar="PROGRAM", default=os.path.join(ROOT, "build", "examples", "lmnet-segment"),
                      help="lmnet-segment (default: build/examples/lmnet-segment)")
    kind = kinds.add_parser("synthetic", help="frames of endoscopytestsrc without a polyp")
    kind.add_argument("target", metavar="TO")
    kind.add_argument("--colons", type=int, default=24, help="default: 24")
    kind.add_argument("--frames", type=int, default=9, help="of each colon (default: 9)")
    kind.add_argument("--every", type=int, default=15, help="frames from one to the next (default: 15)")
    kind.add_argument("--size", type=int, default=384, help="of a frame's sides (default: 384)")
    return p.parse_args()


def main():
    args = parse()
    part = args.target.rstrip("/") + ".part"
    shutil.rmtree(part, ignore_errors=True)
    os.makedirs(os.path.join(part, "images"))
    if args.kind == "crop":
        crop(args.segment, args.source, part)
    else:
        synthetic(part, args.colons, args.frames, args.every, args.size)
    shutil.rmtree(args.target, ignore_errors=True)
    os.rename(part, args.target)


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"prepare.py: {error}" + (f"\n{error.stderr}" if getattr(error, "stderr", None) else ""))
