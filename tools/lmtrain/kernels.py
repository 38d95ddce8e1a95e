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
import tempfile

import torch
import torch.nn.functional as F

from lmtrain import checkpoint

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.c")
OPTIONS = ["-std=gnu11", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-fPIC"]
LANES = 16


def processor():
    """What -march=native depends on."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return platform.processor()


def compile_to(path):
    """Compiles and links apart: linked with -ffast-math, a library would round tiny numbers to 0 in the whole process."""
    compiler = os.environ.get("CC", "cc")
    with tempfile.TemporaryDirectory() as folder:
        compiled = os.path.join(folder, "kernels.o")
        subprocess.run([compiler, *OPTIONS, "-c", SOURCE, "-o", compiled], check=True, capture_output=True)
        subprocess.run([compiler, "-shared", "-fopenmp", compiled, "-o", path, "-lm"], check=True, capture_output=True)


def build():
    """The compiled kernels, or None."""
    with open(SOURCE, "rb") as file:
        key = hashlib.sha256(file.read() + " ".join(OPTIONS + [processor()]).encode()).hexdigest()[:16]
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "lmnet-kernels")
    path = os.path.join(cache, f"kernels-{key}.so")
    try:
        if not os.path.exists(path):
            os.makedirs(cache, exist_ok=True)
            checkpoint.replace(path, compile_to)
        return ctypes.CDLL(path)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"training without compiled kernels, which is slower: {error}", file=sys.stderr)
        return None


library = None


def call(name, *arguments):
    kinds = {float: ctypes.c_float, int: ctypes.c_int, bool: ctypes.c_int, ctypes.c_long: lambda a: a,
             type(None): ctypes.c_void_p}
    if getattr(library, name)(*[ctypes.c_void_p(a.data_ptr()) if isinstance(a, torch.Tensor) else kinds[type(a)](a)
                                for a in arguments]):
        raise MemoryError(name)


def usable(x):
    return library is not None and x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16)


class Attention(torch.autograd.Function):
    """qkv: N x H x W x 3 x heads x channels; out: N x H x W x heads x channels."""

    @staticmethod
    def forward(ctx, qkv, scale):
        qkv = qkv.contiguous()
        ctx.save_for_backward(qkv)
        ctx.scale = scale
        n, height, width, _, heads, d = qkv.shape
        out = qkv.new_empty(n, height, width, heads, d)
        call("lm_attention", qkv, out, scale, qkv.dtype == torch.bfloat16, n, heads, d, height, width)
        return out

    @staticmethod
    def backward(ctx, grad):
        qkv, = ctx.saved_tensors
        n, height, width, _, heads, d = qkv.shape
        out = torch.empty_like(qkv)
        call("lm_attention_gradient", qkv, grad.contiguous(), out, ctx.scale, qkv.dtype == torch.bfloat16, n, heads, d, height,
             width)
        return out, None


class Depthwise(torch.autograd.Function):
    """x: N x C x H x W, channels last in memory; kernel: C x 1 x 5 x 5; bias: C."""

    @staticmethod
    def forward(ctx, x, kernel, bias):
        x, kernel, bias = x.contiguous(memory_format=torch.channels_last), kernel.contiguous(), bias.contiguous()
        ctx.save_for_backward(x, kernel)
        out = torch.empty_like(x)
        call("lm_depthwise", x, kernel, bias, out, x.dtype == torch.bfloat16, *x.shape)
        return out

    @staticmethod
    def backward(ctx, grad):
        x, kernel = ctx.saved_tensors
        grad, gx = grad.contiguous(memory_format=torch.channels_last), torch.empty_like(x)
        gkernel, gbias = kernel.new_empty(len(x), *kernel.shape), kernel.new_empty(len(x), len(kernel))
        call("lm_depthwise_gradient", x, kernel, grad, gx, gkernel, gbias, x.dtype == torch.bfloat16, *x.shape)
        return gx, gkernel.sum(0), gbias.sum(0)


def depthwise(x, kernel, bias):
    """What F.conv2d with padding 2 and a group for each channel gives; kernel and bias are float32."""
    if usable(x) and x.shape[3] % LANES == 0:
        return Depthwise.apply(x, kernel, bias)
    return F.conv2d(x, kernel.to(x.dtype), bias.to(x.dtype), padding=2, groups=len(kernel))


def dense(x):
    """x, or a copy, without gaps in memory; pictures with channels last."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 and not x.is_contiguous() else x.contiguous()


class Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = dense(x)
        ctx.save_for_backward(x)
        out = torch.empty_like(x)
        call("lm_gelu", x, None, out, x.dtype == torch.bfloat16, ctypes.c_long(x.numel()))
        return out

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        if grad.stride() != x.stride():
            grad = torch.empty_like(x).copy_(grad)
        out = torch.empty_like(x)
        call("lm_gelu", x, grad, out, x.dtype == torch.bfloat16, ctypes.c_long(x.numel()))
        return out


def gelu(x):
    return Gelu.apply(x) if usable(x) else F.gelu(x)


class LayerNorm(torch.autograd.Function):
    """Over the last dimension."""
    PARTS = 64  # a fixed number, so that sums do not depend on how many threads there are

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        x = x.contiguous()
        ctx.save_for_backward(x, weight)
        ctx.eps, out, n = eps, torch.empty_like(x), x.shape[-1]
        call("lm_layer_norm", x, weight, bias, out, eps, x.dtype == torch.bfloat16, ctypes.c_long(x.numel() // n), n)
        return out

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        n = x.shape[-1]
        gx, gweight, gbias = torch.empty_like(x), weight.new_empty(LayerNorm.PARTS, n), weight.new_empty(LayerNorm.PARTS, n)
        call("lm_layer_norm_gradient", x, weight, grad.contiguous(), gx, gweight, gbias, ctx.eps, x.dtype == torch.bfloat16,
             ctypes.c_long(x.numel() // n), n, LayerNorm.PARTS)
        return gx, gweight.sum(0), gbias.sum(0), None


def layer_norm(x, weight, bias, eps):
    """F.layer_norm over the last dimension; weight and bias are float32."""
    if usable(x) and x.shape[-1] <= 1024:
        return LayerNorm.apply(x, weight, bias, float(eps))
    return F.layer_norm(x, x.shape[-1:], weight.to(x.dtype), bias.to(x.dtype), eps)


def use():
    """From here on the kernels are used if they can be built."""
    global library
    library = build()
