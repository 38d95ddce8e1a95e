# SPDX-License-Identifier: LGPL-2.1-or-later
"""What training minimises."""
import torch
import torch.nn.functional as F

HARDEST = 0.02  # share of a clean picture's pixels that count once more


def dice_loss(logits, target):
    """1 - soft Dice, of each class above background over the whole batch, in the mean."""
    p = logits.softmax(1)[:, 1:]
    t = F.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2)[:, 1:].to(p.dtype)
    both, sizes = (p * t).sum((0, 2, 3)), (p + t).sum((0, 2, 3))
    return 1 - ((2 * both + 1) / (sizes + 1)).mean()


def segmentation_loss(logits, target):
    """Cross-entropy, background weighing 1 and all else 4, plus Dice loss."""
    weights = torch.full((logits.shape[1],), 4.0, device=logits.device)
    weights[0] = 1
    return F.cross_entropy(logits, target, weights) + dice_loss(logits, target)


def lesion_weights(target):
    """N x H x W: 1 where there is background; in a lesion more, the smaller the picture's share of it: sqrt(0.08 / share),
    from 1 to 4."""
    inside = (target > 0).float()
    share = inside.mean((1, 2), keepdim=True)
    weight = (0.08 / share.clamp(min=1e-4)).sqrt().clamp(1, 4)
    return 1 + (weight - 1) * inside


def live_loss(logits, target):
    """Of the recipe `live`; docs/training.md gives the reasons for its three terms.  Defined for any batch."""
    pixels = F.cross_entropy(logits, target, reduction="none")
    loss = (pixels * lesion_weights(target)).mean()
    p, inside = 1 - logits.softmax(1)[:, 0], (target > 0).float()
    area = inside.sum((1, 2))
    lesion, n = area > 0, len(target)
    dice = 1 - (2 * (p * inside).sum((1, 2)) + 1) / (p.sum((1, 2)) + area + 1)
    loss = loss + 0.5 * torch.where(lesion, dice, torch.zeros_like(dice)).sum() / n
    hardest = pixels.flatten(1).topk(max(int(HARDEST * pixels[0].numel()), 1)).values.mean(1)
    return loss + 0.2 * torch.where(lesion, torch.zeros_like(dice), hardest).sum() / n


def distillation_loss(logits, teacher):
    """Cross-entropy against a teacher's probabilities."""
    return -(teacher.softmax(1) * logits.log_softmax(1)).sum(1).mean()
