# SPDX-License-Identifier: LGPL-2.1-or-later
"""LM-Net's blocks arranged for fine-tuning: the batch norms' statistics stay as they are, and each norm is folded into
its convolution's weights, the four branches into one 5 x 5 kernel, as the plugin's loader does.

All parameters still learn, through the fold, and none of them changes its name or meaning.  The activations of three
branches and of all norms are never made.  Layers compute in the type of their input: given bfloat16, only the weights and
their sums are float32.
"""
import torch
from torch import nn
import torch.nn.functional as F

from lmtrain import kernels
from lmnet_reference import Mlp, MultiBranch, Skip2, Skip3


def fold(conv, norm):
    """(weight, bias) of the convolution that does what conv and then norm do, by the norm's running statistics."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    bias = norm.bias - norm.running_mean * scale
    if conv.bias is not None:
        bias = bias + conv.bias * scale
    return conv.weight * scale.view(-1, 1, 1, 1), bias


def fold_branches(block):
    """(weight, bias) of the 5 x 5 kernel that does what the block's four branches do."""
    weight = bias = 0
    for branch in (block.large_conv, block.square_conv, block.ver_conv, block.hor_conv):
        w, b = fold(branch.conv, branch.bn)
        rows, columns = ((5 - side) // 2 for side in w.shape[2:])
        weight, bias = weight + F.pad(w, (columns, columns, rows, rows)), bias + b
    return weight, bias


def typed(weight, bias, x):
    """weight and bias in x's type."""
    return weight.to(x.dtype), None if bias is None else bias.to(x.dtype)


def conv2d(self, x):
    """Conv2d.forward."""
    return F.conv2d(x, *typed(self.weight, self.bias, x), self.stride, self.padding, self.dilation, self.groups)


def linear(self, x):
    """Linear.forward."""
    return F.linear(x, *typed(self.weight, self.bias, x))


def layer_norm(self, x):
    """LayerNorm.forward."""
    return kernels.layer_norm(x, self.weight, self.bias, self.eps)


def multi_branch(self, x):
    """MultiBranch.forward."""
    e = F.hardswish(F.conv2d(x, *typed(*fold(self.expand_conv[0], self.expand_conv[1]), x)))
    weight, bias = (self.fuse_conv.weight, self.fuse_conv.bias) if self.deploy else fold_branches(self)
    d = kernels.depthwise(e, weight, bias)
    return self.pointwise_conv(self.se(kernels.gelu(d))) + self.shortcut(x)


def fuse(self, *parts):
    """What a skip's convolution, norm and activation make of its parts, put together."""
    weight, bias = fold(self.fuse_conv[0], self.fuse_conv[1])
    x = torch.cat(parts, 1)
    return kernels.gelu(F.conv2d(x, *typed(weight, bias, x), padding=1))


def skip2(self, large, small):
    """Skip2.forward."""
    return fuse(self, self.convl(large), self.convs(small))


def skip3(self, large, middle, small):
    """Skip3.forward."""
    return fuse(self, self.convl(large), self.convm(middle), self.convs(small))


def mlp(self, x):
    """Mlp.forward, without dropout: drawing its numbers took a twentieth of a step."""
    return self.fc2(kernels.gelu(self.fc1(x)))


def use():
    """From here on the network computes so; in eval() its results are the same as before."""
    nn.Conv2d.forward, nn.Linear.forward, nn.LayerNorm.forward = conv2d, linear, layer_norm
    MultiBranch.forward, Skip2.forward, Skip3.forward, Mlp.forward = multi_branch, skip2, skip3, mlp
