#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Averages the weights of models that were trained on from the same one: soup.py OUT.pth VALIDATION IN.pth IN.pth...

Greedily: best model first, each of the others is let in if the average scores better in validation with it.  Models
trained from scratch by different seeds have nothing in common that an average could keep.
"""
import argparse
import sys

import torch

from lmtrain import attention, checkpoint, data, scores


def mean(states):
    return {name: torch.stack([state[name].float() for state in states]).mean(0).to(value.dtype)
            for name, value in states[0].items()}


def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("target", metavar="OUT.pth")
    p.add_argument("validation", help="folder with images and masks")
    p.add_argument("sources", metavar="IN.pth", nargs="+")
    args = p.parse_args()
    attention.use()

    model, metadata = checkpoint.load(args.sources[0])
    states = [checkpoint.load(path)[0].state_dict() for path in args.sources]
    for path, state in zip(args.sources, states):
        for name, value in model.state_dict().items():
            if name not in state or state[name].shape != value.shape:
                raise checkpoint.CheckpointError(f"{path}: tensor '{name}' is not as in {args.sources[0]}")
    size = tuple(int(metadata.get(f"lmnet.input_{side}", 256)) for side in ("width", "height"))
    classes = states[0]["output_layer.weight"].shape[0]
    found = data.pairs(args.validation)
    images = data.load_images([f[1] for f in found], size)
    masks = data.load_masks([f[2] for f in found], scores.SCORE_SIZE, classes)
    if torch.cuda.is_available():
        model.cuda()

    def score(chosen):
        model.load_state_dict(mean([states[i] for i in chosen]))
        return scores.summarise(scores.evaluate(model, images, masks))["class_mean_dice"]

    single = [score([i]) for i in range(len(states))]
    order = sorted(range(len(states)), key=lambda i: -single[i])
    chosen, best = order[:1], single[order[0]]
    for i in order[1:]:
        together = score(chosen + [i])
        if together > best:
            chosen, best = chosen + [i], together
    for i in order:
        print(f"{args.sources[i]}: {single[i]:.4f}{', in' if i in chosen else ''}")
    checkpoint.save_pth(args.target, {"state_dict": mean([states[i] for i in chosen]), "metadata": metadata})
    print(f"{args.target}: class-mean Dice {best:.4f}")


if __name__ == "__main__":
    try:
        main()
    except (checkpoint.CheckpointError, OSError) as error:
        sys.exit(f"soup.py: {error}")
