#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures a model on folders of pictures and masks: evaluate.py MODEL FOLDER...

Pictures are squeezed to the network's input, as the element squeezes its region: crop captured screens first, by
prepare.py crop.  A folder without masks, like an empty mask, shows no polyp.  For Dice, probabilities are upsampled to
--score-size, and the likeliest class counts.  Marks are those that the element would draw: docs/training.md defines
them.  The plugin is looked for where GStreamer does: GST_PLUGIN_PATH=build/plugins.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from lmtrain import attention, checkpoint, data, folded, kernels, marks, memory, scores

COLUMNS = (("class_mean_dice", "class-mean Dice"), ("class_mean_iou", "class-mean IoU"), ("dice", "foreground Dice"),
           ("iou", "foreground IoU"), ("precision", "precision"), ("recall", "recall"), ("picture_dice", "per-image Dice"),
           ("picture_iou", "per-image IoU"))
MARK_COLUMNS = (("clean", "clean pictures"), ("clean_marked", "of them marked"), ("clean_area", "area marked"),
                ("polyps", "polyps"), ("found", "found"), ("found_small", "small"), ("found_medium", "medium"),
                ("found_large", "large"), ("false_marks", "false marks per picture"))
SHARES = ("clean_marked", "clean_area", "found", "found_small", "found_medium", "found_large")
ROW = ("folder", "picture", "way", "polyps", "found", "largest_polyp", "smallest_polyp", "dice", "marks", "false_marks",
       "marked_area", "highest_confidence")
FOUND, TRUTH = (0, 229, 255), (80, 255, 80)


def input_size(metadata):
    return tuple(int(metadata.get(f"lmnet.input_{side}", 256)) for side in ("width", "height"))


def by_torch(path, paths, size, batch=8):
    """N x classes x H x W probabilities at the network's size, by PyTorch."""
    model, metadata = checkpoint.load(path)
    model.eval()
    if torch.cuda.is_available():
        model.cuda()
    normal = [[float(v) for v in metadata[key].split(",")] if key in metadata else default
              for key, default in (("lmnet.mean", data.MEAN), ("lmnet.std", data.STD))]
    found = []
    for i in range(0, len(paths), batch):
        images = data.load_images(paths[i:i + batch], size)
        if metadata.get("lmnet.channel_order") == "bgr":
            images = images.flip(1)
        found.append(scores.predict(model, images, size, *normal).cpu())
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


def by_element(path, paths, size, frame_size, precision, device):
    """N x 2 x H x W probabilities at the network's size, by the plugin's elements, from frames of frame_size."""
    planes = element_planes(path, paths, frame_size, size,
                            (f"precision={precision}", f"device={device}", "region=full", "smoothing=0"),
                            ("content=probability", "size=network"))
    p = torch.from_numpy(planes).float() / 255
    return torch.stack([1 - p, p], 1)


def classify(probabilities, size):
    """N x H x W classes at size = (width, height)."""
    out = []
    for p in probabilities.split(32):
        p = F.interpolate(p, (size[1], size[0]), mode="bilinear", align_corners=False)
        out.append(p.argmax(1).byte())
    return torch.cat(out)


# ---- calibration ----

def log_odds(probabilities):
    p = (1 - probabilities[:, 0]).clamp(1e-6, 1 - 1e-6)
    return torch.log(p) - torch.log1p(-p)


def fit_temperature(odds, truths):
    """The divisor of the log odds that makes the truths likeliest."""
    odds, truths = odds.flatten(), (truths > 0).float().flatten()

    def loss(temperature):
        return F.binary_cross_entropy_with_logits(odds / temperature, truths).item()

    low, high = 0.2, 5.0
    for _ in range(24):  # ternary search: one minimum, as the loss is convex in 1 / temperature
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, b) if loss(a) < loss(b) else (a, high)
    return (low + high) / 2


def reliability(odds, truths, bins=20):
    """[(mean probability, share of polyp, pixels)] of the pixels by their probability."""
    p, t = torch.sigmoid(odds).flatten(), (truths > 0).float().flatten()
    index = (p * bins).long().clamp(max=bins - 1)
    n, sums, hits = (torch.zeros(bins, dtype=torch.double) for _ in range(3))
    n.index_add_(0, index, torch.ones_like(p, dtype=torch.double))
    sums.index_add_(0, index, p.double())
    hits.index_add_(0, index, t.double())
    return [(s / c, h / c, int(c)) for s, h, c in zip(sums.tolist(), hits.tolist(), n.tolist()) if c]


def draw_curves(path, name, bins, curve, at):
    figure = Figure(figsize=(15, 4.6))
    axes = figure.subplots(1, 3)
    axes[0].plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes[0].plot([b[0] for b in bins], [b[1] for b in bins], marker="o")
    axes[0].set(title=f"{name}: reliability", xlabel="probability", ylabel="share of pixels that are polyp", xlim=(0, 1),
                ylim=(0, 1))
    for axis, column, label in ((axes[1], 3, "share of clean frames marked"), (axes[2], 4, "false marks per frame")):
        axis.plot([c[column] for c in curve], [c[1] for c in curve], label="all polyps")
        axis.plot([c[column] for c in curve], [c[2] for c in curve], label="mean of three sizes")
        near = min(curve, key=lambda c: abs(c[0] - at))
        axis.plot([near[column]], [near[1]], "o", color="black", label=f"min-confidence {at:.2f}")
        axis.set(title="min-confidence from 0.5 to 1", xlabel=label, ylabel="share of polyps found", ylim=(0, 1))
        axis.legend()
    for axis in axes:
        axis.grid(alpha=0.3)
    figure.tight_layout()
    checkpoint.replace(path, lambda temporary: figure.savefig(temporary, format="png", dpi=100))


# ---- pictures ----

def outline(pixels, mask, colour):
    """Draws the border of mask > 0, two pixels wide."""
    inside = mask > 0
    padded = numpy.pad(inside, 2, mode="edge")
    height, width = inside.shape
    core = numpy.logical_and.reduce([padded[2 + y:2 + y + height, 2 + x:2 + x + width]
                                     for y, x in ((-2, 0), (2, 0), (0, -2), (0, 2), (-1, -1), (1, 1), (-1, 1), (1, -1))])
    pixels[inside & ~core] = colour


def sheet_rows(records, dice, n):
    """[(title, indices)]: the n worst, median and best pictures with a polyp by Dice, and the surest false marks without."""
    polyps = sorted((i for i, record in enumerate(records) if record["polyps"]), key=lambda i: dice[i])
    clean = sorted((i for i, record in enumerate(records) if not record["polyps"]), key=lambda i: -marks.highest(records[i]))
    m = min(n, len(polyps))
    middle = (len(polyps) - m) // 2
    rows = [("worst", polyps[:m]), ("median", polyps[middle:middle + m]), ("best", polyps[len(polyps) - m:])] if m else []
    clean = clean[:3 * n]
    return rows + [("clean", clean[i:i + n]) for i in range(0, len(clean), n)]


def contact_sheet(path, found, truth, pairs, records, dice, n):
    """Rows of pictures with what is true (green) and what was found (cyan)."""
    rows = sheet_rows(records, dice, n)
    height, width = truth.shape[1:]
    sheet = Image.new("RGB", (n * width, len(rows) * (height + 14)))
    draw = ImageDraw.Draw(sheet)
    for y, (name, chosen) in enumerate(rows):
        for x, i in enumerate(chosen):
            pixels = data.load_images([pairs[i][1]], (width, height))[0].permute(1, 2, 0).numpy().copy()
            outline(pixels, truth[i].numpy(), TRUTH)
            outline(pixels, found[i].numpy(), FOUND)
            sheet.paste(Image.fromarray(pixels), (x * width, y * (height + 14) + 14))
            value = f"Dice {dice[i]:.3f}" if records[i]["polyps"] else f"confidence {marks.highest(records[i]):.2f}"
            draw.text((x * width + 2, y * (height + 14) + 1), f"{name}: {pairs[i][0]}  {value}", fill="white")
    sheet.save(path)


# ---- tables ----

def summarise(matrices, records, at):
    """A folder's figures; those of Dice over the pictures with a polyp."""
    there = torch.tensor([bool(record["polyps"]) for record in records])
    clean = [record for record in records if not record["polyps"]]
    out = {"pictures": len(records), "clean": len(clean), "polyps": sum(len(record["polyps"]) for record in records)}
    if there.any():
        out.update(scores.summarise(matrices[there]))
        shares = marks.found_shares(records, at)
        out["found"] = shares["all"]
        out.update({f"found_{name}": shares[name] for name, _ in marks.SIZES if name in shares})
    if clean:
        out.update({"clean_marked": marks.marked_share(clean, at), "clean_area": marks.marked_area(clean, at)})
    out["false_marks"] = marks.false_marks(records, at)
    return out


def cell(table, key):
    if key not in table:
        return " |"
    if key in ("clean", "polyps"):
        return f" {table[key]} |"
    return f" {100 * table[key]:.1f} % |" if key in SHARES else f" {table[key]:.4f} |" if key != "false_marks" else \
        f" {table[key]:.2f} |"


def print_table(title, columns, rows):
    print(f"\n{title}\n")
    print("| pictures | way |" + "".join(f" {head} |" for _, head in columns))
    print("| --- | --- |" + " --- |" * len(columns))
    for folder, way, table in rows:
        print(f"| {folder} | {way} |" + "".join(cell(table, key) for key, _ in columns))


def row_of(folder, stem, way, record, matrix, at):
    shown = [finding for finding in record["findings"] if finding[0] >= at]
    sizes = [share for share, _ in record["polyps"]]
    return {"folder": folder, "picture": stem, "way": way, "polyps": len(sizes),
            "found": sum(c >= max(at, 1e-9) for _, c in record["polyps"]),
            "largest_polyp": f"{max(sizes):.5f}" if sizes else "", "smallest_polyp": f"{min(sizes):.5f}" if sizes else "",
            "dice": f"{scores.scores(matrix)['dice']:.4f}" if sizes else "", "marks": len(shown),
            "false_marks": sum(not hit for _, _, hit in shown), "marked_area": f"{sum(s for _, s, _ in shown):.5f}",
            "highest_confidence": f"{marks.highest(record):.4f}"}


def share(text):
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"'{text}': 0 to 1 expected")
    return value


def parse():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("model", help=".safetensors; for PyTorch alone .pth, too")
    p.add_argument("folders", nargs="+", metavar="FOLDER", help="with images, and masks or none")
    p.add_argument("--by", choices=("torch", "element", "both"), default="both", help="which way (default: both)")
    p.add_argument("--input", type=data.network_size, metavar="WxH", help="what PyTorch takes (default: the model's)")
    p.add_argument("--score-size", type=data.score_size, default=scores.SCORE_SIZE, metavar="WxH", help="default: 352x352")
    p.add_argument("--min-confidence", type=share,
                   help="of the marks that are counted (default: the model's lmnet.min_confidence, or 0)")
    p.add_argument("--fit", action="store_true",
                   help="also find the temperature and the operating point, by all pictures; the tables do not use them")
    p.add_argument("--precision", default="fp32", help="of the element (default: fp32)")
    p.add_argument("--device", default="auto", help="of the element (default: auto)")
    p.add_argument("--sheet", metavar="PNG", help="writes the worst, median and best pictures, and the surest false marks")
    p.add_argument("--sheet-columns", type=int, default=6)
    p.add_argument("--curves", metavar="PNG", help="draws reliability, and polyps found against false marks")
    p.add_argument("--json", metavar="FILE", help="writes all figures")
    p.add_argument("--csv", metavar="FILE", help="writes a row for each picture")
    return p.parse_args()


def measure(args, metadata, classes, folders):
    """{way: probabilities} of all pictures."""
    size = args.input or input_size(metadata)
    paths = [pair[1] for _, pairs in folders for pair in pairs]
    found = {}
    if args.by != "element":
        found["PyTorch"] = by_torch(args.model, paths, size)
    if args.by != "torch":
        if classes != 2:
            raise SystemExit(f"{args.model}: {classes} classes; the element's way is for two, use --by torch")
        found["element, " + args.precision] = by_element(args.model, paths, input_size(metadata), args.score_size,
                                                         args.precision, args.device)
    return found


def calibrate(probabilities, truths, records):
    """The temperature, and the operating point of a model that is divided by it."""
    odds = log_odds(probabilities)
    temperature = fit_temperature(odds, truths)
    cooled = marks.inspect(torch.sigmoid(odds / temperature), truths)
    clean = [record for record in cooled if not record["polyps"]]
    out = {"temperature": temperature, "min_confidence_uncalibrated": marks.operating_point(
        [record for record in records if not record["polyps"]])}
    if clean:
        at = marks.operating_point(clean)
        out.update({"min_confidence": at, "clean_marked": marks.marked_share(clean, at),
                    **{f"found_{name}": value for name, value in marks.found_shares(cooled, at).items()}})
    return out


def main():
    args = parse()
    memory.keep()
    attention.use()
    folded.use()
    kernels.use()
    state, metadata = checkpoint.read(args.model)
    classes = state["output_layer.weight"].shape[0]
    folders = [(folder.rstrip("/"), data.pairs(folder)) for folder in args.folders]
    pairs = [pair for _, found in folders for pair in found]
    at = args.min_confidence
    if at is None:
        at = float(metadata.get("lmnet.min_confidence", 0))
    truth = data.load_masks([pair[2] for pair in pairs], args.score_size, classes)
    found = measure(args, metadata, classes, folders)

    rows, pictures, classified = [], [], {}
    for way, probabilities in found.items():
        classified[way] = classify(probabilities, args.score_size)
        matrices = scores.counts(classified[way], truth, classes)
        records = marks.inspect(1 - probabilities[:, 0], truth)
        start = 0
        for folder, group in folders:
            part = slice(start, start + len(group))
            rows.append((folder, way, summarise(matrices[part], records[part], at)))
            pictures += [row_of(folder, pair[0], way, record, matrix, at)
                         for pair, record, matrix in zip(group, records[part], matrices[part])]
            start += len(group)
        if len(folders) > 1:
            rows.append(("all", way, summarise(matrices, records, at)))
    small = F.interpolate(truth[:, None].float(), probabilities.shape[2:], mode="nearest")[:, 0]

    print(f"{args.model}: {len(pairs)} pictures, min-confidence {at:g}")
    if any("dice" in table for _, _, table in rows):
        print_table("Pictures with a polyp:", COLUMNS, [row for row in rows if "dice" in row[2]])
    print_table("Marks:", MARK_COLUMNS, rows)
    report = {"model": args.model, "min_confidence": at, "classes": classes,
              "folders": [{"folder": folder, "way": way, **table} for folder, way, table in rows],
              "curve": marks.curve(records), "reliability": reliability(log_odds(probabilities), small)}
    if len(found) == 2:
        a, b = classified.values()
        report["agreement"] = (a == b).float().mean().item()
        print(f"\nthe same class both ways at {100 * report['agreement']:.3f} % of pixels")
    if args.fit:
        report["fit"] = calibrate(probabilities, small, records)
        print("\n" + "  ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in report["fit"].items()))
    if args.sheet:
        contact_sheet(args.sheet, classified[way], truth, pairs, records, [scores.scores(m)["dice"] for m in matrices],
                      args.sheet_columns)
    if args.curves:
        draw_curves(args.curves, os.path.basename(args.model), report["reliability"], report["curve"], max(at, 0.5))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ROW)
            writer.writeheader()
            writer.writerows(pictures)


if __name__ == "__main__":
    try:
        main()
    except (checkpoint.CheckpointError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"evaluate.py: {error}")
