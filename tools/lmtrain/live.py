# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random changes of the recipe `live`: what a live video shows and collections of stills do not.

As in augment: images are N x 3 x H x W in 0..1, masks N x H x W, all randomness is torch's global generator's.  What
covers a polyp clears its mask; what merely disturbs the picture leaves the mask as it is.
"""
import math

import torch
import torch.nn.functional as F

from lmtrain import compose
from lmtrain.augment import colour, glare, light, noise, some, uniform

SUPERSAMPLE = 2  # sides of the squares that a pixel is the mean of, as the element's resize filters


def move(images, masks, size):
    """Any rotation and flip, other aspects, zoom from 0.5 to 1.6; beside the picture is black, or its mirror image."""
    n, device = len(images), images.device
    width, height = size
    angle = uniform(n, -math.pi, math.pi, device)
    kind = torch.rand(n, device=device)
    zoom = torch.exp(uniform(n, math.log(0.75), math.log(1.3), device))
    zoom = torch.where(kind < 0.22, torch.exp(uniform(n, math.log(1.3), math.log(1.9), device)), zoom)
    zoom = torch.where(kind > 0.88, torch.exp(uniform(n, math.log(0.62), math.log(0.8), device)), zoom)
    aspect = torch.exp(uniform(n, -0.17, 0.17, device))
    flip = torch.where(torch.rand(2, n) < 0.5, -1.0, 1.0).to(device)
    sx, sy = flip[0] * zoom * aspect, flip[1] * zoom / aspect
    shift = [uniform(n, -0.2, 0.2, device) for _ in range(2)]
    theta = torch.stack([torch.stack([sx * angle.cos(), -sy * angle.sin(), shift[0]], 1),
                         torch.stack([sx * angle.sin(), sy * angle.cos(), shift[1]], 1)], 1)
    grid = F.affine_grid(theta, (n, 1, SUPERSAMPLE * height, SUPERSAMPLE * width), align_corners=False)
    layers = torch.cat([images, masks.unsqueeze(1).to(images.dtype)], 1)
    beside = "zeros" if torch.rand(()) < 0.75 else "reflection"
    layers = F.avg_pool2d(F.grid_sample(layers, grid, "bilinear", beside, align_corners=False), SUPERSAMPLE)
    return layers[:, :3], (layers[:, 3] > 0.5).long()


def smear(images, share, long, short, radius):
    """Out of focus or moved, as augment.blur, by up to `long` pixels."""
    chosen = (torch.rand(len(images)) < share).nonzero().flatten().to(images.device)
    n, channels, device = len(chosen), images.shape[1], images.device
    if not n:
        return images
    angle = uniform(n, 0, math.pi, device).view(-1, 1, 1)
    along_by, across_by = uniform(n, 0.4, long, device).view(-1, 1, 1), uniform(n, 0.3, short, device).view(-1, 1, 1)
    y, x = torch.meshgrid(*[torch.arange(-radius, radius + 1.0, device=device)] * 2, indexing="ij")
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    kernel = torch.exp(-0.5 * ((along / along_by) ** 2 + (across / across_by) ** 2))
    kernel = (kernel / kernel.sum((1, 2), keepdim=True)).repeat_interleave(channels, 0).unsqueeze(1)
    x = F.pad(images[chosen], [radius] * 4, mode="replicate").flatten(0, 1).unsqueeze(0)
    y = F.conv2d(x, kernel, groups=len(kernel)).view(n, channels, *images.shape[2:])
    return images.index_copy(0, chosen, y)


def field(n, height, width, cells, device):
    """N x 1 x H x W of smooth random values, about normal, that change over 1 / cells of the picture."""
    values = torch.randn(n, 1, cells + 2, cells + 2).to(device)
    return F.interpolate(values, size=(height, width), mode="bicubic", align_corners=False)


def cover(images, masks, alpha, tint):
    """Something opaque where alpha is 1, which hides polyps there."""
    images = images * (1 - alpha) + tint * alpha
    return images, masks * (alpha[:, 0] < 0.6)


def stool(images, masks, share):
    """Patches of yellow, brown or green, in the picture's light."""
    n, _, height, width = images.shape
    device = images.device
    cells = int(torch.randint(3, 14, ()))
    alpha = torch.sigmoid((field(n, height, width, cells, device) - uniform(n, 0.6, 1.8, device).view(-1, 1, 1, 1)) * 10)
    alpha = alpha * some(n, share, device)
    tint = torch.stack([uniform(n, 0.45, 0.95, device), uniform(n, 0.3, 0.75, device), uniform(n, 0.05, 0.35, device)], 1)
    bright = images.mean(1, keepdim=True)
    texture = (1 + 0.2 * field(n, height, width, 24, device)) * (0.25 + bright)
    return cover(images, masks, alpha, (tint.view(n, 3, 1, 1) * texture).clamp(0, 1))


def discs(n, height, width, count, low, high, device):
    """N x count x H x W distances from the centres of discs, in their radii (of low to high, as a share of the picture)."""
    y = torch.linspace(0, 1, height, device=device).view(1, 1, -1, 1)
    x = torch.linspace(0, 1, width, device=device).view(1, 1, 1, -1)
    cx, cy = (uniform(n * count, 0, 1, device).view(n, count, 1, 1) for _ in range(2))
    radius = torch.exp(uniform(n * count, math.log(low), math.log(high), device)).view(n, count, 1, 1)
    return ((x - cx) ** 2 + (y - cy) ** 2).sqrt() / radius


def bubbles(images, share):
    """Clusters of clear discs with a bright rim and a glint: what lies under them shows through."""
    n, _, height, width = images.shape
    device = images.device
    distance = discs(n, height, width, 24, 0.01, 0.07, device)
    count = uniform(n, 3, 24, device).view(-1, 1, 1, 1)
    there = (torch.arange(24, device=device).view(1, -1, 1, 1) < count).float() * some(n, share, device)
    rim = (torch.exp(-((distance - 0.9) / 0.14) ** 2) * there).amax(1, keepdim=True)
    inner = ((distance < 0.85).float() * there).amax(1, keepdim=True)
    images = images * (1 - 0.12 * inner) + 0.08 * inner
    return images + (1 - images) * rim * uniform(n, 0.15, 0.6, device).view(-1, 1, 1, 1)


def instrument(images, masks, share):
    """A straight tool from the border, grey, white, blue or green, with a bright edge."""
    n, _, height, width = images.shape
    device = images.device
    y = torch.linspace(-1, 1, height, device=device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width, device=device).view(1, 1, 1, -1)
    angle = uniform(n, -math.pi, math.pi, device).view(-1, 1, 1, 1)
    tip = uniform(n, -0.5, 0.5, device).view(-1, 1, 1, 1)
    aside = uniform(n, -0.5, 0.5, device).view(-1, 1, 1, 1)
    half = uniform(n, 0.03, 0.16, device).view(-1, 1, 1, 1)
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin() - aside
    alpha = torch.sigmoid((half - across.abs()) * 60) * torch.sigmoid((along - tip) * 40) * some(n, share, device)
    shade = (1 - 0.7 * (across / half) ** 2).clamp(0.1, 1) + 0.4 * torch.exp(-((across / half - 0.3) / 0.15) ** 2)
    tint = uniform(n, 0.25, 0.9, device).view(-1, 1, 1, 1) + 0.25 * torch.randn(n, 3, 1, 1).to(device)
    return cover(images, masks, alpha, (tint * shade).clamp(0, 1))


def text(images, masks, share):
    """A few lines of small bright or dark signs on the picture, at times on a bar."""
    n, _, height, width = images.shape
    device = images.device
    chosen = (torch.rand(n) < share).nonzero().flatten().tolist()
    if not chosen:
        return images, masks
    images, masks = images.clone(), masks.clone()
    for i in chosen:
        for _ in range(int(torch.randint(1, 4, ()))):
            tall = max(int(height * compose.uniform(0.025, 0.07)), 3)
            long = min(max(int(width * compose.uniform(0.1, 0.7)), 8), width)
            top, left = int(torch.randint(0, height - tall, ())), int(torch.randint(0, width - long + 1, ()))
            signs = (torch.rand(1, tall, long) < 0.45).float().to(device)
            signs[:, :, ::4] = 0
            spot = images[i, :, top:top + tall, left:left + long]
            colours = torch.rand(2, 3, 1, 1).to(device)
            if torch.rand(()) < 0.3:
                spot = spot * 0 + colours[1] * 0.4
                masks[i, top:top + tall, left:left + long] = 0
            ink = colours[0] * 0.3 + 0.7
            images[i, :, top:top + tall, left:left + long] = spot * (1 - signs) + ink * signs
    return images, masks


def dye(images, share):
    """Blue or violet in the folds, as of chromoendoscopy; or the narrow band's brown and green."""
    n, _, height, width = images.shape
    device = images.device
    pool = torch.sigmoid(field(n, height, width, 7, device) * 3) * some(n, share, device)
    tint = torch.stack([uniform(n, 0.2, 0.6, device), uniform(n, 0.3, 0.8, device), uniform(n, 0.8, 1.3, device)], 1)
    images = images * (1 + (tint.view(n, 3, 1, 1) - 1) * pool * uniform(n, 0.3, 0.9, device).view(-1, 1, 1, 1))
    grey = images.mean(1, keepdim=True)
    narrow = torch.cat([grey * 0.85, images[:, 1:2], (images[:, 2:3] + images[:, 1:2]) / 2], 1)
    keep = some(n, share / 3, device)
    return images * (1 - keep) + narrow * keep


def exposure(images, share):
    """Too bright near the lamp, so that parts are white, or too dark."""
    n, _, height, width = images.shape
    device = images.device
    gain = torch.exp(uniform(n, math.log(0.35), math.log(2.6), device)).view(-1, 1, 1, 1)
    lamp = 1 + 0.5 * field(n, height, width, 2, device).clamp(-1.5, 1.5)
    chosen = some(n, share, device)
    return images * (1 + (gain * lamp - 1) * chosen)


def interlace(images, share):
    """Every other row as it was a moment before."""
    chosen = (torch.rand(len(images)) < share).nonzero().flatten().tolist()
    if chosen:
        images = images.clone()
    for i in chosen:
        by = int(torch.randint(-6, 7, ()))
        images[i, :, ::2] = torch.roll(images[i, :, ::2], by, 2)
    return images


def unclear(image):
    """One picture, 3 x H x W, in which nothing can be judged: white, red or dark haze, or a blur of all of it."""
    _, height, width = image.shape
    kind = torch.rand(()).item()
    if kind < 0.25:
        return compose.soften(image[None], max(height // 7, 2))[0] * compose.uniform(0.5, 1.2)
    tint = torch.tensor([1.0, 1.0, 1.0]) - torch.rand(3) * 0.12
    if kind < 0.5:
        tint = torch.tensor([compose.uniform(0.5, 1), compose.uniform(0.05, 0.45), compose.uniform(0.05, 0.35)])
    elif kind < 0.6:
        tint = torch.rand(3) * 0.08
    hidden = compose.soften(image[None], max(height // 24, 1))[0] if torch.rand(()) < 0.7 else image
    left = compose.uniform(0, 0.1)
    haze = tint.to(image.device).view(3, 1, 1) * (1 + 0.12 * field(1, height, width, 2, image.device)[0])
    return (hidden * left + haze * (1 - left)).clamp(0, 1)


def assemble(images, masks, plan):
    """(images in 0..1, masks, where nothing can be judged) for a sampler's plan, from bytes of all pictures."""
    pictures, truths, hazy = [], [], []
    for kind, i, other in plan:
        picture, mask = images[i].float() / 255, masks[i]
        if kind == "paste":
            picture, mask = compose.paste(picture, images[other].float() / 255, masks[other])
        elif kind == "decoy":
            content = torch.flip(picture, [1 + int(torch.randint(2, ()))])
            picture, mask = compose.paste(picture, images[other].float() / 255, masks[other], content)[0], mask * 0
        elif kind in ("crop", "hide"):
            made = compose.hide(picture, mask) if kind == "hide" else None
            made = compose.crop(picture, mask) if made is None else made
            picture, mask = (picture, mask) if made is None else (made, mask * 0)
        pictures.append(picture)
        truths.append(mask)
        hazy.append(kind == "unclear")
    return torch.stack(pictures), torch.stack(truths), hazy


def augment(images, masks, plan, size):
    """A batch as the plan says, from bytes of all pictures, at size = (width, height)."""
    images, masks, hazy = assemble(images, masks, plan)
    images, masks = move(images, masks, size)
    images = light(colour(images, 0.25), 0.4)
    images = exposure(dye(images, 0.1), 0.12).clamp(0, 1)
    images, masks = stool(images, masks, 0.08)
    images = bubbles(images, 0.1)
    images, masks = instrument(images, masks, 0.06)
    images = glare(images.clamp(0, 1), 0.25)
    images = smear(smear(images, 0.2, 2.5, 1.0, 4), 0.1, 5.0, 1.8, 9)
    images, masks = text(interlace(images, 0.04), masks, 0.06)
    if any(hazy):
        images, masks = images.clone(), masks.clone()
        for i in [i for i, is_hazy in enumerate(hazy) if is_hazy]:
            images[i], masks[i] = unclear(images[i].clamp(0, 1)), 0
    return noise(images, 0.03).clamp(0, 1), masks
