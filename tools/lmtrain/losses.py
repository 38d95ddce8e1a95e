# SPDX-License-Identifier: LGPL-2.1-or-later
"""What training minimises."""
import torch
import torch.nn.functional as F


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


def distillation_loss(logits, teacher):
    """Cross-entropy against a teacher's probabilities."""
    return -(teacher.softmax(1) * logits.log_softmax(1)).sum(1).mean()
