# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference's 3 x 3 neighbourhood attention, arranged for training: the same sums, a gradient of its own.

Autograd would allocate and add a tensor of all the weights for each of the nine keys.  Here the gradient is written
out, and channels lie before pixels, which is what a CPU's and a GPU's vectors like.
"""
import torch

from lmtrain import kernels
from lmnet_reference import NeighborhoodAttention

K = NeighborhoodAttention.K
OFFSETS = [(dy, dx) for dy in range(K) for dx in range(K)]


def pieces(n, offset):
    """(where queries lie, where their keys do, how many): the border's queries have their neighbours' windows."""
    return (0, offset, 1), (1, offset, n - 2), (n - 1, n - K + offset, 1)


def gather(x, dim, offset):
    """What each query along `dim` sees as its window's key number `offset`."""
    return torch.cat([x.narrow(dim, key, n) for _, key, n in pieces(x.shape[dim], offset)], dim)


def scatter_add(total, x, dim, offset):
    """The transpose of gather: adds to each key what its queries give."""
    for query, key, n in pieces(x.shape[dim], offset):
        total.narrow(dim, key, n).add_(x.narrow(dim, query, n))


def windows(x):
    """For each key of the windows, in their order, what each query sees of x."""
    rows = [gather(x, -2, dy) for dy in range(K)]
    return (gather(rows[dy], -1, dx) for dy, dx in OFFSETS)


class Windows:
    """The transpose of windows(): collects what each key of the windows gives back."""

    def __init__(self, like):
        self.rows = [torch.zeros_like(like) for _ in range(K)]

    def add(self, i, x):
        scatter_add(self.rows[OFFSETS[i][0]], x, -1, OFFSETS[i][1])

    def total(self):
        out = torch.zeros_like(self.rows[0])
        for dy, rows in enumerate(self.rows):
            scatter_add(out, rows, -2, dy)
        return out


class Attention(torch.autograd.Function):
    """q (scaled), k, v: N x heads x channels x H x W; bias: 9 x heads x H x W, or None."""

    @staticmethod
    def forward(ctx, q, k, v, bias):
        logits = torch.stack([(q * key).sum(2) for key in windows(k)])
        if bias is not None:
            logits += bias.unsqueeze(1)
        weights = logits.softmax(0)
        out = torch.zeros_like(v)
        for weight, value in zip(weights, windows(v)):
            out.addcmul_(weight.unsqueeze(2), value)
        ctx.save_for_backward(q, k, v, weights)
        ctx.has_bias = bias is not None
        return out

    @staticmethod
    def backward(ctx, grad):
        q, k, v, weights = ctx.saved_tensors
        g = torch.stack([(grad * value).sum(2) for value in windows(v)])
        g = weights * (g - (weights * g).sum(0))
        grad_q, grad_k, grad_v = torch.zeros_like(q), Windows(k), Windows(v)
        for i, key in enumerate(windows(k)):
            grad_q.addcmul_(g[i].unsqueeze(2), key)
            grad_k.add(i, g[i].unsqueeze(2) * q)
            grad_v.add(i, weights[i].unsqueeze(2) * grad)
        return grad_q, grad_k.total(), grad_v.total(), g.sum(1) if ctx.has_bias else None


def forward(self, x):
    """NeighborhoodAttention.forward; x: N x H x W x C."""
    n, h, w, c = x.shape
    qkv = self.qkv(x).view(n, h, w, 3, self.heads, c // self.heads)
    if self.rpb is None and kernels.usable(x):
        return self.proj(kernels.Attention.apply(qkv, float(self.scale)).reshape(n, h, w, c))
    q, k, v = qkv.permute(3, 0, 4, 5, 1, 2).contiguous().unbind(0)
    bias = None
    if self.rpb is not None:
        rows, cols = torch.arange(h, device=x.device), torch.arange(w, device=x.device)
        top, left = (rows - 1).clamp(0, h - K) - rows + K - 1, (cols - 1).clamp(0, w - K) - cols + K - 1
        bias = torch.stack([self.rpb[:, top + dy][:, :, left + dx] for dy, dx in OFFSETS])
    out = Attention.apply(q * self.scale, k, v, bias)
    return self.proj(out.permute(0, 3, 4, 1, 2).reshape(n, h, w, c))


def use():
    """From here on the network computes its neighbourhood attention so."""
    NeighborhoodAttention.forward = forward
