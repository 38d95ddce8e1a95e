# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures made from others: polyps pasted onto clean mucosa, hidden under it, cropped away.

Everything here is for one picture, 3 x H x W in 0..1 with its mask H x W of bytes; all randomness is torch's global
generator's.
"""
import math

import torch
import torch.nn.functional as F


def uniform(low, high):
    return low + (high - low) * torch.rand(()).item()


def box(mask):
    """(centre x, centre y, width, height) of what is set, in 0..1."""
    rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
    height, width = mask.shape
    top, bottom, left, right = rows[0].item(), rows[-1].item() + 1, columns[0].item(), columns[-1].item() + 1
    return (left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height


def soften(x, radius):
    """x blurred about so far: two box filters."""
    radius = max(int(radius), 1)
    for _ in range(2):
        x = F.avg_pool2d(F.pad(x, [radius] * 4, mode="replicate"), 2 * radius + 1, 1)
    return x


def grow(mask, radius):
    radius = max(int(radius), 1)
    return F.max_pool2d(mask, 2 * radius + 1, 1, radius)


def warp(layer, theta, shrink, size):
    """layer, C x H x W, moved by theta; if it shrinks a lot, by whole steps first, so that no detail aliases."""
    step = min(max(int(1 / max(shrink, 1e-3)), 1), 8)
    if step > 1:
        layer = F.avg_pool2d(layer[None], step)[0]
    grid = F.affine_grid(theta[None], (1, 1, *size), align_corners=False)
    return F.grid_sample(layer[None], grid, "bilinear", "zeros", align_corners=False)[0]


def blend(picture, layer, shape, feather):
    """picture with layer where shape (1 x H x W, 0..1) is set, over a soft border, in picture's light."""
    alpha = soften(grow(shape[None], feather), feather)[0].clamp(0, 1)
    ring = (alpha - soften(shape[None], 1)[0]).clamp(min=0) + 1e-4
    here, there = (picture * ring).sum((1, 2)) / ring.sum(), (layer * ring).sum((1, 2)) / ring.sum()
    gain = ((here + 0.02) / (there + 0.02)).clamp(0.5, 2) ** uniform(0.7, 1.0)
    return picture * (1 - alpha) + (layer * gain.view(3, 1, 1)).clamp(0, 1) * alpha


def paste(picture, source, mask, content=None):
    """(picture, mask) with the polyp of source, small and turned, on it; or content's pixels in that polyp's shape."""
    height, width = mask.shape
    x, y, w, h = box(mask)
    area = mask.float().mean().item()
    target = math.exp(uniform(math.log(0.002), math.log(0.06)))
    shrink = min(max(math.sqrt(target / area), 0.1), 1.3, 0.6 / max(w, h))
    angle, flip = uniform(-math.pi, math.pi), 1.0 if torch.rand(()).item() < 0.5 else -1.0
    for _ in range(8):
        px, py = uniform(-0.7, 0.7), uniform(-0.7, 0.7)
        column, row = int((px + 1) / 2 * (width - 1)), int((py + 1) / 2 * (height - 1))
        if picture[:, row, column].mean() > 0.15:
            break
    a, b = math.cos(angle) / shrink, math.sin(angle) / shrink
    rows = [[flip * a, -flip * b], [b, a]]
    theta = torch.tensor([[*r, c - r[0] * px - r[1] * py] for r, c in zip(rows, (2 * x - 1, 2 * y - 1))],
                         dtype=picture.dtype, device=picture.device)
    layers = torch.cat([source, mask[None].to(picture.dtype), torch.ones_like(source[:1])])
    layers = warp(layers, theta, shrink, (height, width))
    shape = layers[3:4]
    feather = max(shrink * max(w, h) * width * uniform(0.06, 0.2), 1)
    shape = shape * (layers[4:5] > 0.99)
    out = blend(picture, layers[:3] if content is None else content, shape, feather)
    return out, (shape[0] > 0.5).to(mask.dtype)


def hide(picture, mask):
    """picture with its polyp under mucosa from elsewhere in it, or None if there is no such place."""
    feather = max(0.04 * mask.shape[1], 2)
    wide = grow(mask[None, None].float(), 3 * feather)[0]  # as far as blend reaches
    if wide.mean() > 0.25:
        return None
    choices = [torch.flip(torch.cat([picture, wide]), dims) for dims in ((1,), (2,), (1, 2))]
    overlaps = [(choice[3:] * wide).sum().item() for choice in choices]
    best = overlaps.index(min(overlaps))
    if overlaps[best] > 0.02 * wide.sum().item():
        return None
    return blend(picture, choices[best][:3], grow((mask[None, None] > 0).float(), feather)[0], feather)


def crop(picture, mask):
    """A part of the picture without the polyp, at the picture's size, or None if there is none of half of the sides."""
    n = 64
    counts = F.adaptive_max_pool2d((mask[None, None] > 0).float(), n)[0, 0]
    sums = F.pad(counts.cumsum(0).cumsum(1), (1, 0, 1, 0))
    sides = torch.empty(200, 2).uniform_(0.45, 0.9).mul(n).int()
    corners = (torch.rand(200, 2) * (n - sides + 1)).int()
    top, left = corners.long().unbind(1)
    bottom, right = (corners + sides).long().unbind(1)
    inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    free = (inside == 0).nonzero().flatten()
    if not len(free):
        return None
    i = free[torch.randint(len(free), ())]
    height, width = mask.shape
    y0, y1, x0, x1 = (int(v * side / n) for v, side in ((top[i], height), (bottom[i], height), (left[i], width), (right[i], width)))
    return F.interpolate(picture[None, :, y0:y1, x0:x1], (height, width), mode="bilinear", align_corners=False)[0]
