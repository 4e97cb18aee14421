"""A perceptron's gradients as PyTorch's autocast to bfloat16 takes them, for tests/nn/autocast.rs.

    python make_autocast_mlp.py

Writes autocast_mlp.safetensors beside this file:

    x, targets              [B, 12] f32 and [B]
    weight.NAME             the parameters, f32; the biases are numbers of bf16, which autocast makes them
    output.I                what layer I gives, before its ReLU: bf16
    cotangent               of the logits, [B, 6], bf16
    given.NAME              the gradients of sum(cotangent * logits): f32 by name, bf16 by value
    loss                    the cross-entropy
    gradient.NAME           the loss's gradients: f32 by name, bf16 by value

Autocast rounds operands as well as results of each linear layer to bf16. A result that is an operand next is
rounded by either way of doing it; but two sums in f32 that differ by their order alone may round to two
neighbours, and then all that follows differs. So the seed is one for which no operand, forward or backward, is
nearer to the middle between two numbers of bf16 than such sums can be apart: this program says so if it is not.
Made with torch 2.15 on a CPU.
"""

import math
import pathlib

import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
WIDTHS, BATCH = [12, 16, 12, 6], 8


def draw(seed):
    torch.manual_seed(seed)
    parameters = {}
    for i, (inputs, outputs) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        parameters[f"layers.{i}.weight"] = (torch.rand(outputs, inputs) * 2 - 1) * math.sqrt(6 / inputs)
        parameters[f"layers.{i}.bias"] = ((torch.rand(outputs) * 2 - 1) / 4).bfloat16().float()
    x, targets = torch.randn(BATCH, WIDTHS[0]), torch.randint(WIDTHS[-1], (BATCH,))
    cotangent = torch.randn(BATCH, WIDTHS[-1]).bfloat16()
    return parameters, x, targets, cotangent


def forward(parameters, x):
    outputs = []
    for i in range(len(WIDTHS) - 1):
        x = torch.nn.functional.linear(x, parameters[f"layers.{i}.weight"], parameters[f"layers.{i}.bias"])
        outputs.append(x)
        x = torch.relu(x)
    return outputs


def far_from_middles(exact, size, terms):
    # Sums of so many terms, whatever their order, are within (terms + 18) units of 2^-24 of the sum of magnitudes.
    exact, size = exact.double(), size.double()
    unit = torch.exp2(torch.floor(torch.log2(exact.abs())) - 7)
    from_middle = ((exact / unit - 0.5) - torch.round(exact / unit - 0.5)).abs() * unit
    return bool((from_middle > 2 * (terms + 18) * 2.0**-24 * size).all())


def operands_are_far_from_middles(parameters, x, outputs, cotangent):
    rounded = lambda t: t.detach().bfloat16().double()
    x, good = rounded(x), True
    for i, output in enumerate(outputs[:-1]):
        w, b = rounded(parameters[f"layers.{i}.weight"]), parameters[f"layers.{i}.bias"].double()
        good &= far_from_middles(x @ w.T + b, x.abs() @ w.abs().T + b.abs(), len(w[0]) + 1)
        x = rounded(torch.relu(output))
    dy = rounded(cotangent)
    for i in reversed(range(1, len(outputs))):
        w, mask = rounded(parameters[f"layers.{i}.weight"]), outputs[i - 1] > 0
        dx, size = dy @ w, dy.abs() @ w.abs()
        good &= far_from_middles(dx[mask], size[mask], len(w))
        dy = rounded(dx * mask)
    return good


def make(seed):
    parameters, x, targets, cotangent = draw(seed)
    for p in parameters.values():
        p.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = forward(parameters, x)
        loss = torch.nn.functional.cross_entropy(outputs[-1], targets)
    if not operands_are_far_from_middles(parameters, x, outputs, cotangent):
        return False
    assert all(output.dtype == torch.bfloat16 for output in outputs) and loss.dtype == torch.float32
    given = torch.autograd.grad(outputs[-1], parameters.values(), cotangent, retain_graph=True)
    gradients = torch.autograd.grad(loss, parameters.values())
    out = {"x": x, "targets": targets.int(), "cotangent": cotangent, "loss": loss.detach()}
    out.update({f"weight.{name}": p.detach() for name, p in parameters.items()})
    out.update({f"output.{i}": output.detach() for i, output in enumerate(outputs)})
    for prefix, values in (("given", given), ("gradient", gradients)):
        assert all(torch.equal(g, g.bfloat16().float()) for g in values)
        out.update({f"{prefix}.{name}": g for name, g in zip(parameters, values)})
    save_file({key: value.contiguous() for key, value in out.items()}, HERE / "autocast_mlp.safetensors")
    print("seed", seed, "loss", loss.item())
    return True


SEED = 334  # the first of them that will do
if not make(SEED):
    raise SystemExit("an operand lies in the middle between two numbers of bf16: try other seeds")
