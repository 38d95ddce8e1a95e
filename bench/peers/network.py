# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference network in its deploy form: batch norms folded, the depthwise branches summed into one kernel."""
import copy
import os
import sys

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "reference"))
from lmnet_reference import MultiBranch  # noqa: E402
from make_golden import load_model  # noqa: E402, F401


def fuse_branches(block):
    """Turns a multi-branch block in its training form into one in its deploy form."""
    folded = [fuse_conv_bn_eval(b.conv, b.bn) for b in (block.large_conv, block.square_conv, block.ver_conv, block.hor_conv)]
    channels = folded[0].out_channels
    block.fuse_conv = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
    block.fuse_conv.weight.data = sum(F.pad(f.weight, [(5 - f.kernel_size[1]) // 2] * 2 + [(5 - f.kernel_size[0]) // 2] * 2)
                                      for f in folded)
    block.fuse_conv.bias.data = sum(f.bias for f in folded)
    del block.large_conv, block.square_conv, block.ver_conv, block.hor_conv
    block.deploy = True


def fold_norms(sequence):
    """Folds each batch norm of a sequence into the convolution before it."""
    for i in range(len(sequence) - 1, 0, -1):
        if isinstance(sequence[i], nn.BatchNorm2d):
            sequence[i - 1] = fuse_conv_bn_eval(sequence[i - 1], sequence[i])
            sequence[i] = nn.Identity()


def deploy(model):
    """A copy of the network, in evaluation mode, that computes the same with fewer operators."""
    model = copy.deepcopy(model).eval()
    with torch.no_grad():
        for module in list(model.modules()):
            if isinstance(module, MultiBranch) and not module.deploy:
                fuse_branches(module)
        for module in list(model.modules()):
            if isinstance(module, nn.Sequential):
                fold_norms(module)
    return model.requires_grad_(False)
