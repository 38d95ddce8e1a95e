# SPDX-License-Identifier: LGPL-2.1-or-later
"""Neighbourhood attention and 5 x 5 depthwise convolution for training on a CPU, by kernels.c, with their gradients.

The C file is compiled once for the machine it runs on, into the user's cache.  Without a compiler, or on a GPU, or for
shapes that the kernels do not take, PyTorch computes as before.
"""
import ctypes
import hashlib
import os
import platform
import subprocess
import sys

import torch
import torch.nn.functional as F

from lmtrain import checkpoint

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.c")
OPTIONS = ["-std=gnu11", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
LANES = 16


def processor():
    """What -march=native depends on."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return platform.processor()


def build():
    """The compiled kernels, or None."""
    with open(SOURCE, "rb") as file:
        key = hashlib.sha256(file.read() + " ".join(OPTIONS + [processor()]).encode()).hexdigest()[:16]
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "lmnet-kernels")
    path = os.path.join(cache, f"kernels-{key}.so")
    try:
        if not os.path.exists(path):
            os.makedirs(cache, exist_ok=True)
            checkpoint.replace(path, lambda part: subprocess.run(
                [os.environ.get("CC", "cc"), *OPTIONS, SOURCE, "-o", part, "-lm"], check=True, capture_output=True))
        return ctypes.CDLL(path)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"training without compiled kernels, which is slower: {error}", file=sys.stderr)
        return None


library = None


def call(name, *arguments):
    values = [ctypes.c_void_p(a.data_ptr()) if isinstance(a, torch.Tensor) else None if a is None else ctypes.c_int(a)
              for a in arguments]
    if getattr(library, name)(*values):
        raise MemoryError(name)


def usable(*tensors):
    return library is not None and all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)


class Attention(torch.autograd.Function):
    """q (scaled), k, v: N x heads x channels x H x W, contiguous."""

    @staticmethod
    def forward(ctx, q, k, v):
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        ctx.save_for_backward(q, k, v)
        out = torch.empty_like(q)
        n, heads, d, height, width = q.shape
        call("lm_attention", q, k, v, out, n * heads, d, height, width)
        return out

    @staticmethod
    def backward(ctx, grad):
        q, k, v = ctx.saved_tensors
        grads = [torch.zeros_like(q) for _ in range(3)]
        n, heads, d, height, width = q.shape
        call("lm_attention_gradient", q, k, v, grad.contiguous(), *grads, n * heads, d, height, width)
        return tuple(grads)


class Depthwise(torch.autograd.Function):
    """x: N x C x H x W; kernel: C x 1 x 5 x 5; bias: C."""

    @staticmethod
    def forward(ctx, x, kernel, bias):
        x, kernel = x.contiguous(), kernel.contiguous()
        ctx.save_for_backward(x, kernel)
        out = torch.empty_like(x)
        call("lm_depthwise", x, kernel, bias.contiguous(), out, *x.shape, 0)
        return out

    @staticmethod
    def backward(ctx, grad):
        x, kernel = ctx.saved_tensors
        grad = grad.contiguous()
        gx, gkernel, gbias = torch.empty_like(x), torch.empty_like(kernel), torch.empty_like(kernel[:, 0, 0, 0])
        call("lm_depthwise", grad, kernel, None, gx, *x.shape, 1)
        call("lm_depthwise_gradient", x, grad, gkernel, gbias, *x.shape)
        return gx, gkernel, gbias


def depthwise(x, kernel, bias):
    """What F.conv2d with padding 2 and a group for each channel gives."""
    if usable(x, kernel, bias) and kernel.shape[2:] == (5, 5) and x.shape[3] % LANES == 0:
        return Depthwise.apply(x, kernel, bias)
    return F.conv2d(x, kernel, bias, padding=2, groups=len(kernel))


def use():
    """From here on the kernels are used if they can be built."""
    global library
    library = build()
