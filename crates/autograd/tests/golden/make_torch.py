"""Writes torch.json: values and gradients of operations as PyTorch has them, in f64.

Each case bears the name of a line of tests/table; the test applies that line to the inputs written
here. Inputs are multiples of 2^-20 (exact in f32), positive where an operation needs it, away from
kinks. Needs numpy and torch: python make_torch.py > torch.json
"""
import json

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(1)
index = torch.tensor([[2, 0, 2, 1], [0, 0, 0, 1]])
mask = torch.tensor([[True], [False]])


def sample(domain, shape):
    u = (torch.rand(shape, generator=generator) * 2**20).round() / 2**20
    if domain == "P":
        return 0.5 + 2 * u
    x = 4 * u - 2
    return torch.where(x.abs() < 0.0625, x + 0.0625 * torch.where(x < 0, -1.0, 1.0), x)


def attention(q, k, v, scale, seen):
    groups = q.shape[2] // k.shape[2]
    k, v = (x.repeat_interleave(groups, 2).transpose(1, 2) for x in (k, v))
    scores = q.transpose(1, 2) @ k.transpose(-1, -2) * scale
    t, s = scores.shape[-2:]
    visible = seen(torch.arange(t)[:, None] + s - t, torch.arange(s)[None, :])
    scores = scores.masked_fill(~visible, float("-inf"))
    return (scores.softmax(-1) @ v).transpose(1, 2)


def lstm(x, h, c, w, u, b):
    h, c = torch._VF.lstm_cell(x, (h, c), w, u, b, torch.zeros_like(b))
    return h * c


def silu_mul(gate, up):
    return F.silu(gate) * up


def all_seen(i, j):
    return (i >= 0) | (j >= 0)


def causal(i, j):
    return j <= i


def rope(x, frequencies, positions):
    """Pairs (x[i], x[i + D/2]), as transformers' rotate_half has them; frequencies are given in f32."""
    frequencies = torch.tensor(frequencies, dtype=torch.float32).double()
    angle = (positions.double()[..., None] * frequencies)[:, :, None, :]
    cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
    left, right = x.chunk(2, -1)
    return x * cos + torch.cat([-right, left], -1) * sin


def split(x):
    a, b, c = x.split([2, 1, 2], 1)
    return a * c + b


CASES = [
    ("log1p", ["P2,3"], torch.log1p),
    ("expm1", ["R2,3"], torch.expm1),
    ("abs", ["R2,3"], torch.abs),
    ("softplus", ["R2,3"], F.softplus),
    ("leaky_relu", ["R2,3"], lambda x: F.leaky_relu(x, 0.25)),
    ("clamp", ["R2,5"], lambda x: x.clamp(-0.75, 1.125)),
    ("minimum", ["R2,3", "R3"], torch.minimum),
    ("maximum", ["R2,3", "R3"], torch.maximum),
    ("select", ["R2,3", "R3"], lambda x, y: torch.where(mask, x, y)),
    ("masked_fill", ["R2,3"], lambda x: x.masked_fill(mask, 0.5)),
    ("pow_each", ["P2,3", "R3"], torch.pow),
    ("prod", ["R2,3,2"], lambda x: x.prod(0).prod(0)),
    ("min", ["R2,3,4"], lambda x: x.amin((0, 2))),
    ("max", ["R2,3,4"], lambda x: x.amax((0, 2))),
    ("mean", ["R2,3,4"], lambda x: x.mean(1)),
    ("variance", ["R2,3,4"], lambda x: x.var((0, 2))),
    ("log_sum_exp", ["R2,3,4"], lambda x: x.logsumexp((0, 2))),
    ("norm_l1", ["R2,3"], lambda x: torch.linalg.vector_norm(x, 1, 1)),
    ("norm_l2", ["R2,3,2"], lambda x: torch.linalg.vector_norm(x, 2, (0, 2))),
    ("norm_max", ["R2,3"], lambda x: torch.linalg.vector_norm(x, float("inf"), 1)),
    ("cum_sum", ["R2,3,2"], lambda x: x.cumsum(1)),
    ("gather", ["R2,3"], lambda x: x.gather(1, index)),
    ("scatter_add", ["R2,3", "R2,4"], lambda x, y: x.scatter_add(1, index, y)),
    ("sort", ["R2,4"], lambda x: x.sort(1).values),
    ("top_k", ["R4,2"], lambda x: x.topk(2, 0).values),
    ("pad", ["R2,3"], lambda x: F.pad(x, (0, 2, 1, 0), value=0.5)),
    ("einsum", ["R2,3", "R3,4", "R4,2"], lambda a, b, c: torch.einsum("ab,bc,cd->ad", a, b, c)),
    ("einsum of one", ["R2,3,2"], lambda x: torch.einsum("aba->b", x)),
    ("conv2d", ["R2,4,4,5", "R2,2,3,2", "R2"], lambda x, w, b: F.conv2d(
        x, w, b, stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)),
    ("conv2d_transposed", ["R2,2,3,3", "R2,2,2,2", "R4"], lambda x, w, b: F.conv_transpose2d(
        x, w, b, stride=(2, 1), padding=(1, 0), output_padding=(1, 0), dilation=(1, 2), groups=2)),
    ("conv1d", ["R2,2,5", "R3,2,3"], lambda x, w: F.conv1d(x, w, padding=1)),
    ("max_pool2d", ["R1,2,4,5"], lambda x: F.max_pool2d(x, 2, stride=(2, 1))),
    ("avg_pool2d", ["R1,2,4,5"], lambda x: F.avg_pool2d(x, 2, stride=(2, 1), padding=(0, 1))),
    ("batch_norm", ["R3,2,2", "R2", "R2"], lambda x, w, b: F.batch_norm(
        x, None, None, w, b, training=True, eps=1e-3)),
    ("group_norm", ["R2,4,2", "R4", "R4"], lambda x, w, b: F.group_norm(x, 2, w, b, eps=1e-3)),
    ("layer_norm", ["R3,5", "R5", "R5"], lambda x, w, b: F.layer_norm(x, (5,), w, b, eps=1e-5)),
    ("rms_norm", ["R2,2,5", "R5"], lambda x, w: F.rms_norm(x, (5,), w, eps=1e-5)),
    ("lstm_cell", ["R2,3", "R2,2", "R2,2", "R8,3", "R8,2", "R8"], lstm),
    ("softmax", ["R2,4"], lambda x: x.softmax(-1)),
    ("log_softmax", ["R2,4"], lambda x: x.log_softmax(-1)),
    ("cross_entropy", ["R3,4"], lambda x: F.cross_entropy(x, torch.tensor([1, 3, 0]))),
    ("gelu", ["R2,3"], F.gelu),
    ("gelu_tanh", ["R2,3"], lambda x: F.gelu(x, approximate="tanh")),
    ("silu", ["R2,3"], F.silu),
    ("relu", ["R2,3"], F.relu),
    ("tanh", ["R2,3"], torch.tanh),
    ("sigmoid", ["R2,3"], torch.sigmoid),
    ("erf", ["R2,3"], torch.erf),
    ("exp", ["R2,3"], torch.exp),
    ("log", ["P2,3"], torch.log),
    ("sqrt", ["P2,3"], torch.sqrt),
    ("rsqrt", ["P2,3"], torch.rsqrt),
    ("matmul broadcasting", ["R2,1,2,3", "R3,3,2"], torch.matmul),
    ("attention grouped", ["R1,2,4,2", "R1,4,2,2", "R1,4,2,2"], lambda q, k, v: attention(
        q, k, v, 0.5, lambda i, j: j <= i)),
    ("local_attention", ["R1,4,2,2", "R1,5,1,2", "R1,5,1,2"], lambda q, k, v: attention(
        q, k, v, 0.5, lambda i, j: (j <= i) & (j > i - 2))),
    ("add", ["R2,3", "R2,3"], torch.add),
    ("add broadcasting", ["R2,3", "R3"], torch.add),
    ("add broadcasting both", ["R2,1,3", "R4,1"], torch.add),
    ("add scalar", ["R2,3"], lambda x: x + 0.5),
    ("add itself", ["R2,3"], lambda x: x + x),
    ("sub", ["R2,3", "R2,1"], torch.sub),
    ("sub scalar", ["R2,3"], lambda x: x - 0.5),
    ("mul", ["R2,3", "R2,3"], torch.mul),
    ("mul broadcasting", ["R3,1", "R2,1,4"], torch.mul),
    ("mul scalar", ["R2,3"], lambda x: x * 0.75),
    ("mul itself", ["R2,3"], lambda x: x * x),
    ("div", ["R2,3", "P2,3"], torch.div),
    ("div broadcasting", ["R3", "P2,1"], torch.div),
    ("div scalar", ["R2,3"], lambda x: x / 3),
    ("neg", ["R2,3"], torch.neg),
    ("pow 3", ["R2,3"], lambda x: x**3),
    ("pow 2", ["R2,3"], lambda x: x**2),
    ("pow 0.5", ["P2,3"], lambda x: x**0.5),
    ("pow -1.5", ["P2,3"], lambda x: x**-1.5),
    ("silu_mul", ["R2,3", "R2,3"], silu_mul),
    ("maximum broadcasting", ["R3,1", "R4"], torch.maximum),
    ("sum", ["R2,3,4"], lambda x: x.sum((0, 2))),
    ("sum_keepdim", ["R2,3,4"], lambda x: x.sum(1, keepdim=True)),
    ("sum_all", ["R2,3"], torch.sum),
    ("mean_keepdim", ["R2,3,4"], lambda x: x.mean((0, 2), keepdim=True)),
    ("mean_all", ["R2,3"], torch.mean),
    ("max_keepdim", ["R2,3"], lambda x: x.amax(-1, keepdim=True)),
    ("prod of five", ["R5,2"], lambda x: x.prod(0)),
    ("broadcast_to", ["R3,1"], lambda x: x.expand(2, 3, 4)),
    ("sum_to", ["R2,3,4"], lambda x: x.sum_to_size(3, 1)),
    ("reshape", ["R2,3,2"], lambda x: x.reshape(4, 3)),
    ("permute", ["R2,3,4"], lambda x: x.permute(2, 0, 1)),
    ("swap_axes", ["R2,3,4"], lambda x: x.transpose(0, -1)),
    ("slice", ["R4,5"], lambda x: x[:, 1:4]),
    ("slice by a step", ["R5,2"], lambda x: x.flip(0)[::2]),
    ("concat", ["R2,2", "R2,3", "R2,1"], lambda *x: torch.cat(x, 1)),
    ("concat of four", ["R1", "R2", "R1", "R3"], lambda *x: torch.cat(x)),
    ("split", ["R2,5"], split),
    ("matmul", ["R2,3", "R3,4"], torch.matmul),
    ("matmul of a batch", ["R2,2,3", "R2,3,2"], torch.matmul),
    ("linear", ["R2,2,3", "R4,3"], F.linear),
    ("linear with bias", ["R2,3", "R4,3", "R4"], F.linear),
    ("linear of a vector", ["R3", "R4,3", "R4"], F.linear),
    ("embedding", ["R4,3"], lambda w: F.embedding(torch.tensor([[3, 0], [3, 1]]), w)),
    ("softmax of axis 0", ["R3,2"], lambda x: x.softmax(0)),
    ("log_softmax of axis 1", ["R2,3,2"], lambda x: x.log_softmax(1)),
    ("cross_entropy ignoring", ["R4,3"], lambda x: F.cross_entropy(
        x, torch.tensor([1, 9, 0, 9]), ignore_index=9)),
    ("rope", ["R2,3,2,4"], lambda x: rope(x, [1.0, 0.1], torch.arange(5, 8)[None])),
    ("rope_at", ["R2,2,1,4"], lambda x: rope(x, [1.0, 0.25], torch.tensor([[0, 7], [3, 3]]))),
    ("attention", ["R2,2,2,3", "R2,3,2,3", "R2,3,2,3"], lambda q, k, v: attention(
        q, k, v, 0.5, all_seen)),
    ("attention causal", ["R1,3,1,2", "R1,3,1,2", "R1,3,1,2"], lambda q, k, v: attention(
        q, k, v, 0.7, causal)),
    ("attention to itself", ["R1,3,1,2"], lambda x: attention(x, x, x, 0.5, causal)),
    ("einsum summed alone", ["R2,3", "R2,4"], lambda a, b: torch.diag_embed(a.sum(1) * b.sum(1))),
    ("a chain", ["R3,2", "R2,2", "R2"], lambda x, w, b: (F.linear(x, w, b).tanh() * x).softmax(-1)),
    ("max_pool2d padded", ["R2,1,5,6"], lambda x: F.max_pool2d(
        x, (3, 2), stride=(2, 3), padding=(1, 0), dilation=(1, 2))),
    ("avg_pool2d overlapping", ["R2,1,5,6"], lambda x: F.avg_pool2d(
        x, (3, 2), stride=(1, 2), padding=(1, 1))),
    ("scatter_add along axis 0", ["R3,4", "R2,4"], lambda x, y: x.scatter_add(0, index, y)),
    ("gather along axis 0", ["R3,4"], lambda x: x.gather(0, index)),
    ("sort descending", ["R5,3"], lambda x: x.sort(0, descending=True).values),
    ("clamp from both sides", ["R3,5"], lambda x: x.clamp(-1.5, -0.5)),
    ("select broadcasting", ["R1,3", "R2,1"], lambda x, y: torch.where(mask, x, y)),
    ("linear_cross_entropy", ["R3,2", "R4,2"], lambda x, w: F.cross_entropy(
        F.linear(x, w), torch.tensor([1, 9, 3]), ignore_index=9)),
]


def tensor(x):
    return {"shape": list(x.shape), "data": x.detach().flatten().tolist()}


results = []
for name, shapes, f in CASES:
    inputs = [sample(text[0], [int(n) for n in text[1:].split(",")]) for text in shapes]
    for x in inputs:
        x.requires_grad_()
    y = f(*inputs)
    dy = sample("R", list(y.shape))
    gradients = torch.autograd.grad(y, inputs, dy)
    results.append({"name": name, "inputs": [tensor(x) for x in inputs], "y": tensor(y), "dy": tensor(dy),
                    "gradients": [tensor(g) for g in gradients]})
print("[" + ",\n".join(json.dumps(case) for case in results) + "]")
