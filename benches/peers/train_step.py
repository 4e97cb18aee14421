"""The peer of benches/train_step.rs: for each line on stdin some training steps; on stdout the seconds of
one and the MB that the process has held at most.

    python train_step.py {a,b,c,adamw,default} THREADS STEPS [bf16]

PyTorch in eager mode as its users write a Llama: scaled_dot_product_attention, nn.RMSNorm, fused AdamW, clipping by the
global norm. `bf16` trains under autocast.
"""

import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

WORKLOADS = {
    "b": dict(vocab=4096, width=256, inner=688, layers=6, heads=8, kv=8, tied=False, batch=8, length=256),
    "default": dict(vocab=1280, width=192, inner=512, layers=5, heads=6, kv=2, tied=True, batch=8, length=384),
}


def rotate(x, cos, sin):
    left, right = x.chunk(2, dim=-1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), dim=-1)


class Layer(nn.Module):
    def __init__(self, width, inner, heads, kv, **_):
        super().__init__()
        self.heads, self.kv, self.head = heads, kv, width // heads
        self.q = nn.Linear(width, heads * self.head, bias=False)
        self.k = nn.Linear(width, kv * self.head, bias=False)
        self.v = nn.Linear(width, kv * self.head, bias=False)
        self.o = nn.Linear(heads * self.head, width, bias=False)
        self.gate = nn.Linear(width, inner, bias=False)
        self.up = nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)
        self.norm1 = nn.RMSNorm(width, eps=1e-6)
        self.norm2 = nn.RMSNorm(width, eps=1e-6)

    def forward(self, x, cos, sin):
        b, t, c = x.shape
        h = self.norm1(x)
        q = rotate(self.q(h).view(b, t, self.heads, self.head).transpose(1, 2), cos, sin)
        k = rotate(self.k(h).view(b, t, self.kv, self.head).transpose(1, 2), cos, sin)
        v = self.v(h).view(b, t, self.kv, self.head).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.kv != self.heads)
        x = x + self.o(y.transpose(1, 2).reshape(b, t, c))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Llama(nn.Module):
    def __init__(self, vocab, width, layers, heads, length, tied, **rest):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(width=width, heads=heads, **rest) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.lm_head = nn.Linear(width, vocab, bias=False)
        if tied:
            self.lm_head.weight = self.embed.weight
        head = width // heads
        angles = torch.arange(length)[:, None] * 10000.0 ** (-torch.arange(0, head, 2) / head)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, ids):
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        return self.lm_head(self.norm(x))


def perceptron():
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return classifier(model, torch.rand(128, 784))


def convnet():
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Linear(128, 10))
    return classifier(model, torch.rand(64, 1, 28, 28))


def classifier(model, pictures):
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    classes = torch.randint(10, pictures.shape[:1])

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(pictures), classes).backward()
        optimizer.step()

    return step


def adamw():
    parameters = [nn.Parameter(torch.full((1000, 1000), 0.5)) for _ in range(25)]
    for p in parameters:
        p.grad = torch.full((1000, 1000), 0.25)
    return torch.optim.AdamW(parameters, fused=True).step


def llama(workload, bf16):
    model = Llama(**workload)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    text = torch.randint(workload["vocab"], (workload["batch"], workload["length"] + 1))

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            logits = model(text[:, :-1])
        loss = F.cross_entropy(logits.float().flatten(0, 1), text[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    return step


def main():
    name, threads, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(42)
    simple = {"a": perceptron, "c": convnet, "adamw": adamw}
    step = simple[name]() if name in simple else llama(WORKLOADS[name], "bf16" in sys.argv[4:])
    for _ in sys.stdin:
        start = time.perf_counter()
        for _ in range(steps):
            step()
        seconds = (time.perf_counter() - start) / steps
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, flush=True)


main()
