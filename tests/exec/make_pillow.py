#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes data/pillow.bin: pictures that Pillow has resized, which test-preprocess.c compares with.

Needs Pillow. Each case is eight little-endian 16-bit numbers (width and height of the frame; x, y, width and height of the
region; width and height of the result), then the result's RGB bytes. The frame is a formula: see pattern(), which is
pillow_pattern() in the test.
"""
import pathlib
import struct

from PIL import Image

CASES = [
    # frame, region, result
    ((64, 64), (0, 0, 64, 64), (64, 64)),
    ((37, 53), (0, 0, 37, 53), (64, 48)),
    ((641, 479), (0, 0, 641, 479), (128, 128)),
    ((45, 33), (0, 0, 45, 33), (128, 96)),
    ((320, 240), (33, 17, 201, 155), (96, 64)),
    ((160, 120), (7, 3, 30, 100), (96, 32)),
    ((1001, 40), (1, 1, 999, 39), (32, 32)),
    ((48, 48), (47, 11, 1, 2), (32, 32)),
]


def pattern(x, y, c):
    """Noise, with smooth bands and hard edges in it."""
    noise = ((x * 73) ^ (y * 151) ^ (c * 57)) * 2654435761 >> 13
    if (x >> 4) + (y >> 4) & 1:
        return noise & 255
    return 255 * ((x >> 2) + c & 1) if y & 16 else (3 * x + 5 * y + 80 * c) & 255


def main():
    out = bytearray()
    for (width, height), (x, y, w, h), size in CASES:
        data = bytes(pattern(i, j, c) for j in range(height) for i in range(width) for c in range(3))
        frame = Image.frombytes("RGB", (width, height), data)
        result = frame.crop((x, y, x + w, y + h)).resize(size, Image.BILINEAR)
        out += struct.pack("<8H", width, height, x, y, w, h, *size) + result.tobytes()
    pathlib.Path(__file__).with_name("data").joinpath("pillow.bin").write_bytes(out)


if __name__ == "__main__":
    main()
