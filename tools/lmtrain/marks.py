# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a user sees of a model: marks on polyps, and marks where there is none.

A finding is what the element calls so: a set of pixels of p > threshold that touch by sides or corners, of at least
MIN_AREA of the picture; its confidence is the mean of p over it.  A finding is shown if its confidence reaches the
min-confidence.  A polyp, a connected part of a true mask, is found if shown findings cover FOUND of it.
"""
import torch
import torch.nn.functional as F

MIN_AREA = 0.0005
FOUND = 0.1
RATE = 0.06  # of clean frames that are marked at the operating point
SIZES = (("small", 0.02), ("medium", 0.1), ("large", 1.01))  # of a polyp, as a share of the picture: below which


def label(masks):
    """N x H x W: 0 where a mask is not set; elsewhere a number for each connected part, 1 to H * W."""
    n, height, width = masks.shape
    ids = torch.arange(1, height * width + 1).view(1, height, width) * masks.long().cpu()
    while True:
        # Each pixel takes the largest number beside it, then the number of the pixel that this one names.
        joined = F.max_pool2d(ids.unsqueeze(1).float(), 3, 1, 1).squeeze(1).long() * (ids > 0)
        named = F.pad(joined.flatten(1), (1, 0)).gather(1, joined.flatten(1)).view_as(ids)
        joined = torch.maximum(joined, named)
        if torch.equal(joined, ids):
            return ids
        ids = joined


def parts(labels):
    """[(number, pixels)] of one picture."""
    numbers, counts = torch.unique(labels[labels > 0], return_counts=True)
    return list(zip(numbers.tolist(), counts.tolist()))


def inspect(probabilities, truths, threshold=0.5, min_area=MIN_AREA):
    """A dict for each picture: `findings`, [(confidence, share of the picture, whether it touches a polyp)], and `polyps`,
    [(share, the highest min-confidence at which it is found, or 0)].  Both N x H x W, the truths at any size."""
    size = probabilities.shape[1:]
    if truths.shape[1:] != size:
        truths = F.interpolate(truths[:, None].float(), size, mode="nearest")[:, 0]
    probabilities = probabilities.cpu()
    found, true = label(probabilities > threshold), label(truths.cpu() > 0)
    total, out = size[0] * size[1], []
    for p, marks, polyps in zip(probabilities, found, true):
        kept = sorted(((p[marks == number].mean().item(), count, number) for number, count in parts(marks)
                       if count >= min_area * total), reverse=True)
        record = {"findings": [(confidence, count / total, bool((polyps[marks == number] > 0).any()))
                               for confidence, count, number in kept], "polyps": []}
        for number, count in parts(polyps):
            inside, covered, at = marks[polyps == number], 0, 0.0
            for confidence, _, mark in kept:
                covered += (inside == mark).sum().item()
                if covered >= FOUND * count:
                    at = confidence
                    break
            record["polyps"].append((count / total, at))
        out.append(record)
    return out


def size_of(share):
    return next(name for name, limit in SIZES if share < limit)


def highest(record):
    return max((finding[0] for finding in record["findings"]), default=0.0)


def operating_point(clean, rate=RATE):
    """The least min-confidence at which at most that share of clean pictures is marked."""
    confidences = sorted((highest(record) for record in clean), reverse=True)
    allowed = int(rate * len(confidences))
    if allowed >= len(confidences) or confidences[allowed] == 0:
        return 0.0
    above = confidences[allowed - 1] if allowed else 1.0
    return min((confidences[allowed] + above) / 2 + 1e-6, 1.0)


def marked_share(clean, at):
    return sum(highest(record) >= max(at, 1e-9) for record in clean) / max(len(clean), 1)


def marked_area(records, at):
    """The share of the pictures' area that is marked."""
    return sum(share for record in records for c, share, _ in record["findings"] if c >= at) / max(len(records), 1)


def false_marks(records, at):
    """Marks that touch no polyp, per picture."""
    return sum(c >= at and not hit for record in records for c, _, hit in record["findings"]) / max(len(records), 1)


def curve(records, steps=200):
    """[(min-confidence, share of polyps found, its mean over sizes, share of clean pictures marked, false marks per
    picture)]."""
    clean = [record for record in records if not record["polyps"]]
    out = []
    for i in range(steps + 1):
        at = 0.5 + 0.5 * i / steps
        shares = found_shares(records, at)
        out.append((at, shares["all"], shares["mean"], marked_share(clean, at), false_marks(records, at)))
    return out


def found_shares(records, at):
    """The share of polyps that is found at that min-confidence: of each size, of all, and the sizes' mean."""
    polyps = [polyp for record in records for polyp in record["polyps"]]
    out = {}
    for name, _ in SIZES:
        chosen = [confidence for share, confidence in polyps if size_of(share) == name]
        if chosen:
            out[name] = sum(c >= max(at, 1e-9) for c in chosen) / len(chosen)
    out["mean"] = sum(out.values()) / len(out) if out else 0.0
    out["all"] = sum(c >= max(at, 1e-9) for _, c in polyps) / max(len(polyps), 1)
    return out


def score(records, dice):
    """What models are chosen by, and its parts: the mean over sizes of the share of polyps found at the operating point,
    and a tenth of Dice."""
    clean = [record for record in records if not record["polyps"]]
    at = operating_point(clean)
    shares = found_shares([record for record in records if record["polyps"]], at)
    return {"score": shares["mean"] + 0.1 * dice, "found": shares["all"], "min_confidence": at,
            "clean_marked_at_half": marked_share(clean, 0),
            **{f"found_{name}": shares.get(name, float("nan")) for name, _ in SIZES}}
