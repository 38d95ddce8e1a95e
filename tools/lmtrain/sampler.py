# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a batch of the recipe `live` is made of: how often each kind of picture is drawn, and from which folder.

Pictures of a folder whose names begin with the same word before `_` are of one hospital.  Pictures with a polyp are
drawn evenly from all hospitals, those with a small polyp more often; pictures without one evenly among themselves.
A folder's weight multiplies both.
"""
import torch

# In a batch of 16: 10 pictures with a polyp as they are and 1 polyp pasted onto a picture without one; the rest shows
# none: 3 pictures as they are, 1 crop that leaves the polyp out, and 1/3 each of pictures in which a piece of mucosa
# hides the polyp, of such a piece pasted where there was no polyp, and of those in which nothing can be judged.
SHARES = {"lesion": 10, "paste": 1, "clean": 3, "crop": 1, "hide": 1 / 3, "decoy": 1 / 3, "unclear": 1 / 3}
SMALL = 0.04  # pictures in which less than this share is polyp are drawn more often, by the root of the ratio
MOST, LEAST = 2.5, 0.6


def draw(weights, n):
    """n indices, with replacement."""
    return torch.multinomial(weights, n, replacement=True)


class Sampler:
    """groups: a name for each picture; areas: its share of polyp, 0 if there is none; weights: its folder's."""

    def __init__(self, groups, areas, weights):
        areas = torch.as_tensor(areas, dtype=torch.double)
        weights = torch.as_tensor(weights, dtype=torch.double)
        self.clean_weights = weights * (areas == 0)
        lesion = weights * (areas > 0) * (SMALL / areas.clamp(min=1e-6)).sqrt().clamp(LEAST, MOST)
        names = sorted(set(groups))
        index = torch.tensor([names.index(name) for name in groups])
        sums = torch.zeros(len(names), dtype=torch.double).index_add_(0, index, lesion)
        # What a hospital has of weight is that of its folder, however many pictures it has.
        most = torch.zeros(len(names), dtype=torch.double)
        for i in range(len(names)):
            chosen = (index == i) & (areas > 0)
            most[i] = weights[chosen].max() if chosen.any() else 0
        self.lesion_weights = lesion * (most / sums.clamp(min=1e-12))[index]
        has_clean, has_lesion = self.clean_weights.sum() > 0, self.lesion_weights.sum() > 0
        needs = {"lesion": has_lesion, "crop": has_lesion, "hide": has_lesion, "clean": has_clean, "unclear": True,
                 "paste": has_lesion and has_clean, "decoy": has_lesion and has_clean}
        self.shares = {kind: share for kind, share in SHARES.items() if needs[kind]}

    def kinds(self, n):
        """A kind for each of n pictures: each as often as its share says, up to one, and exactly so over many batches."""
        names, total = list(self.shares), sum(self.shares.values())
        ends = torch.tensor([self.shares[name] for name in names], dtype=torch.double).cumsum(0) * (n / total)
        at = torch.arange(n) + torch.rand((), dtype=torch.double)
        return [names[min(int(i), len(names) - 1)] for i in torch.searchsorted(ends, at, right=True)]

    def batch(self, n):
        """[(kind, picture, another picture or None)]: paste puts the other's polyp onto the picture, decoy the picture's
        own mucosa in that polyp's shape."""
        out = []
        for kind in self.kinds(n):
            both = self.clean_weights + self.lesion_weights
            if kind in ("lesion", "crop", "hide"):
                out.append((kind, int(draw(self.lesion_weights, 1)), None))
            elif kind == "clean":
                out.append((kind, int(draw(self.clean_weights, 1)), None))
            elif kind == "unclear":
                out.append((kind, int(draw(both, 1)), None))
            else:
                out.append((kind, int(draw(self.clean_weights, 1)), int(draw(self.lesion_weights, 1))))
        return out
