"""The operations of examples/versus_torch.rs in PyTorch, for times taken in turns.

Reads lines `setup NAME` and `run COUNT` and answers each with a line: the time of one run in
seconds, or `ready`. Needs numpy and torch; OMP_NUM_THREADS says how many threads.
"""
import gc
import os
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
torch.manual_seed(1)


def normal(*shape):
    return torch.randn(*shape)


def matmul(m, k, n):
    a, b = normal(m, k), normal(k, n)
    return lambda: a @ b


def into_warm(f, *inputs):
    """The operation into an output that is there."""
    out = f(*inputs)
    return lambda: f(*inputs, out=out)


def gelu_warm(approximate, n):
    x, out = normal(n), torch.empty(n)
    return lambda: torch._C._nn.gelu(x, approximate=approximate, out=out)


def layer_norm(rows, width):
    x, w, b = normal(rows, width), normal(width), normal(width)
    return lambda: F.layer_norm(x, (width,), w, b)


def with_gradient(f, *inputs):
    """Forward and backward; the gradients are those of the sum of a fixed random product."""
    for x in inputs:
        x.requires_grad_()
    dy = torch.randn_like(f(*inputs))

    def run():
        torch.autograd.grad(f(*inputs), inputs, dy)

    return run


def conv(n, c, o, size):
    x, w, bias = normal(n, c, size, size), normal(o, c, 3, 3), normal(o)
    return F.conv2d, x, w, bias


def attention(b, t, h, d):
    # As PyTorch has it: [B, H, T, D].
    q, k, v = (normal(b, h, t, d) for _ in range(3))
    return (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)), q, k, v


def forward_only(f, *inputs):
    return lambda: f(*inputs)


def setup(name):
    square = (4096, 4096)
    return {
        "matmul 64": lambda: matmul(64, 64, 64),
        "matmul 128": lambda: matmul(128, 128, 128),
        "matmul 512": lambda: matmul(512, 512, 512),
        "matmul 2048": lambda: matmul(2048, 2048, 2048),
        "matmul 512 x 2048 x 5632": lambda: matmul(512, 2048, 5632),
        "matmul 2048 x 256 x 688": lambda: matmul(2048, 256, 688),
        "softmax 4096 x 4096": lambda: forward_only(lambda x: torch.softmax(x, -1), normal(*square)),
        "softmax 4096 x 4096, warm": lambda: into_warm(
            lambda x, out=None: torch.softmax(x, -1, out=out) if out is not None else torch.softmax(x, -1),
            normal(*square)),
        "gelu 16M": lambda: forward_only(F.gelu, normal(1 << 24)),
        "gelu 16M, warm": lambda: gelu_warm("none", 1 << 24),
        "gelu_tanh 16M": lambda: forward_only(lambda x: F.gelu(x, approximate="tanh"), normal(1 << 24)),
        "gelu_tanh 16M, warm": lambda: gelu_warm("tanh", 1 << 24),
        "layer_norm 16384 x 1024": lambda: layer_norm(16384, 1024),
        "layer_norm 16384 x 1024, warm": lambda: layer_norm(16384, 1024),
        "broadcast add 4096 x 4096": lambda: forward_only(torch.add, normal(*square), normal(4096)),
        "broadcast add 4096 x 4096, warm": lambda: into_warm(torch.add, normal(*square), normal(4096)),
        "sum 64M": lambda: forward_only(torch.sum, normal(1 << 26)),
        "cross_entropy 2048 x 4096, forward and backward": lambda: with_gradient(
            lambda x: F.cross_entropy(x, torch.arange(2048) * 7919 % 4096), normal(2048, 4096)),
        "conv2d 64 x 1 x 28 x 28 to 32": lambda: forward_only(*conv(64, 1, 32, 28)),
        "conv2d 64 x 32 x 26 x 26 to 64": lambda: forward_only(*conv(64, 32, 64, 26)),
        "conv2d 64 x 32 x 26 x 26 to 64, forward and backward": lambda: with_gradient(*conv(64, 32, 64, 26)),
        "attention 8 x 1024 x 8 x 64": lambda: forward_only(*attention(8, 1024, 8, 64)),
        "attention 8 x 1024 x 8 x 64, forward and backward": lambda: with_gradient(
            *attention(8, 1024, 8, 64)),
        "attention 8 x 256 x 8 x 32, forward and backward": lambda: with_gradient(
            *attention(8, 256, 8, 32)),
    }[name]()


def main():
    run = None
    for line in sys.stdin:
        word, argument = line.strip().split(" ", 1)
        if word == "setup":
            run = None
            gc.collect()
            run = setup(argument)
            run()
            print("ready", flush=True)
        else:
            count = int(argument)
            start = time.perf_counter()
            for _ in range(count):
                run()
            print((time.perf_counter() - start) / count, flush=True)


main()
