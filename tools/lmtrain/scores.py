# SPDX-License-Identifier: LGPL-2.1-or-later
"""How well masks agree: counts of pixels, and what follows from them."""
import torch
import torch.nn.functional as F

from lmtrain.data import MEAN, STD, normalise

SCORE_SIZE = (352, 352)  # width, height at which masks are compared


def counts(found, truth, classes):
    """N x classes x classes pixels, [picture, true class, class found]; both N x H x W."""
    pair = truth.long() * classes + found.long()
    return torch.stack([torch.bincount(p.flatten(), minlength=classes * classes).view(classes, classes) for p in pair]).cpu()


def scores(matrix):
    """The table's figures, from a classes x classes matrix of counts; foreground: the mean of the classes above background."""
    m = matrix.double()
    hit, truth, found = m.diagonal(), m.sum(1), m.sum(0)

    def ratio(a, b):
        return torch.where(b > 0, a / b.clamp(min=1), torch.ones_like(a))  # nothing there, nothing found: right

    dice, iou = ratio(2 * hit, truth + found), ratio(hit, truth + found - hit)
    return {"class_mean_dice": dice.mean().item(), "class_mean_iou": iou.mean().item(),
            "dice": dice[1:].mean().item(), "iou": iou[1:].mean().item(),
            "precision": ratio(hit, found)[1:].mean().item(), "recall": ratio(hit, truth)[1:].mean().item()}


def summarise(matrices):
    """scores() of all pictures' pixels together, and the mean over pictures of foreground Dice and IoU."""
    out = scores(matrices.sum(0))
    single = [scores(m) for m in matrices]
    for name in ("dice", "iou"):
        out[f"picture_{name}"] = sum(s[name] for s in single) / len(single)
    return out


@torch.no_grad()
def predict(model, images, size=SCORE_SIZE, mean=MEAN, std=STD):
    """N x classes x H x W probabilities at size = (width, height), of byte images in the network's size and channel order."""
    x = images.to(next(model.parameters()).device).float() / 255
    logits = model(normalise(x, mean, std)).float()
    return F.interpolate(logits.softmax(1), size=(size[1], size[0]), mode="bilinear", align_corners=False)


def evaluate(model, images, masks, batch=10):
    """N x classes x classes counts, of byte images at the network's size against masks at any; leaves the model in eval()."""
    model.eval()
    size, out = (masks.shape[2], masks.shape[1]), []
    for i in range(0, len(images), batch):
        p = predict(model, images[i:i + batch], size)
        out.append(counts(p.argmax(1), masks[i:i + batch].to(p.device), p.shape[1]))
    return torch.cat(out)
