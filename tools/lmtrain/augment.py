# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random changes of a whole batch at once, where the batch lies (CPU or GPU).

Images are N x 3 x H x W in 0..1.  All randomness is torch's global generator's: seed it, and a batch comes out the
same.  `paper` is what the field does: flips, rotation, scale, shift, some colour.  `ours` adds what a video has and
still pictures lack: stronger colour and light, blur by focus and by motion, glare, sensor noise.
"""
import math

import torch
import torch.nn.functional as F


def uniform(n, low, high, device):
    return torch.empty(n).uniform_(low, high).to(device)


def some(n, share, device):
    """n x 1 x 1 x 1, 1 with that probability and 0 elsewhere."""
    return (torch.rand(n) < share).float().view(-1, 1, 1, 1).to(device)


def move(images, masks, degrees, scale, shift):
    """Flips, rotates, stretches each axis by up to `scale` and shifts by up to `shift` of the picture; outside is black."""
    n, _, height, width = images.shape
    device = images.device
    angle = uniform(n, -degrees, degrees, device) * (math.pi / 180)
    zoom = torch.exp(uniform(n, -1, 1, device) * math.log(scale))
    aspect = torch.exp(uniform(n, -0.5, 0.5, device) * math.log(scale) / 2)
    flip = torch.where(torch.rand(2, n) < 0.5, -1.0, 1.0).to(device)
    sx, sy = flip[0] * zoom * aspect, flip[1] * zoom / aspect
    ratio = height / width  # rotate in pixels, not in a grid whose axes differ
    theta = torch.stack([
        torch.stack([sx * angle.cos(), -sy * angle.sin() * ratio, uniform(n, -shift, shift, device) * 2], 1),
        torch.stack([sx * angle.sin() / ratio, sy * angle.cos(), uniform(n, -shift, shift, device) * 2], 1)], 1)
    both = torch.cat([images, torch.ones_like(images[:, :1])], 1)
    grid = F.affine_grid(theta, both.shape, align_corners=False)
    images = F.grid_sample(both, grid, "bilinear", "zeros", align_corners=False)[:, :3]
    masks = F.grid_sample(masks.unsqueeze(1).float(), grid, "nearest", "zeros", align_corners=False)
    return images, masks.squeeze(1).long()


def colour(images, amount):
    """Gain of each channel, saturation, contrast, brightness and gamma, each by up to `amount`."""
    n, device = len(images), images.device

    def factor(share=1.0):
        return 1 + share * amount * uniform(n, -1, 1, device).view(-1, 1, 1, 1)

    gains = torch.cat([factor(0.5) for _ in range(3)], 1)
    grey = images.mean(1, keepdim=True)
    images = (grey + (images - grey) * factor()) * gains
    middle = images.mean((1, 2, 3), keepdim=True)
    images = (middle + (images - middle) * factor()) * factor()
    return images.clamp(1e-4, 1) ** torch.exp(amount * uniform(n, -1, 1, device).view(-1, 1, 1, 1))


def blur(images, share):
    """Out of focus or moved: an elongated Gaussian of random size and direction, on a share of the pictures."""
    n, channels, _, _ = images.shape
    device, radius = images.device, 4
    angle = uniform(n, 0, math.pi, device).view(-1, 1, 1)
    long, short = uniform(n, 0.3, 2.5, device).view(-1, 1, 1), uniform(n, 0.3, 1.0, device).view(-1, 1, 1)
    y, x = torch.meshgrid(*[torch.arange(-radius, radius + 1.0, device=device)] * 2, indexing="ij")
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    kernel = torch.exp(-0.5 * ((along / long) ** 2 + (across / short) ** 2))
    kernel = kernel / kernel.sum((1, 2), keepdim=True)
    chosen = (torch.rand(n) < share).nonzero().flatten().to(device)
    if not len(chosen):
        return images
    k = kernel[chosen].repeat_interleave(channels, 0).unsqueeze(1)
    x = F.pad(images[chosen], [radius] * 4, mode="replicate").flatten(0, 1).unsqueeze(0)
    y = F.conv2d(x, k, groups=len(k)).view(len(chosen), channels, *images.shape[2:])
    return images.index_copy(0, chosen, y)


def glare(images, share):
    """White spots with soft edges, where a random field is high, brightest where the picture is bright."""
    n, _, height, width = images.shape
    field = torch.randn(n, 1, max(height // 10, 2), max(width // 10, 2)).to(images.device)
    field = F.interpolate(field, size=(height, width), mode="bicubic", align_corners=False)
    spots = torch.sigmoid((field - uniform(n, 1.6, 2.6, images.device).view(-1, 1, 1, 1)) * 12)
    spots = spots * (images.mean(1, keepdim=True) * 2).clamp(0, 1) * some(n, share, images.device)
    return images + (1 - images) * spots


def light(images, share):
    """A lamp that lights one side more than the other."""
    n, _, height, width = images.shape
    device = images.device
    y = torch.linspace(-1, 1, height, device=device).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width, device=device).view(1, 1, 1, -1)
    slopes = uniform(2 * n, -0.35, 0.35, device).view(2, n, 1, 1, 1) * some(n, share, device)
    return images * (1 + slopes[0] * x + slopes[1] * y)


def noise(images, most):
    """A sensor's noise, of a deviation of up to `most`."""
    deviation = uniform(len(images), 0, most, images.device).view(-1, 1, 1, 1)
    return images + torch.randn_like(images) * deviation


def augment(images, masks, recipe):
    """(images, masks) changed as `recipe` says; masks are N x H x W classes."""
    if recipe == "paper":
        images, masks = move(images, masks, degrees=30, scale=1.25, shift=0.05)
        return colour(images, 0.1).clamp(0, 1), masks
    images, masks = move(images, masks, degrees=180, scale=1.4, shift=0.1)
    images = light(colour(images, 0.25), 0.5)
    images = glare(blur(images.clamp(0, 1), 0.25), 0.3)
    return noise(images, 0.03).clamp(0, 1), masks
