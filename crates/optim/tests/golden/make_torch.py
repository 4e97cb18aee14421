"""Ten steps of PyTorch's optimizers, for tests/optim/torch.rs.

    python make_torch.py > torch.json

Made with torch 2.15 on a CPU. Gradients are given, not computed, so that only the update rule is judged.
"""

import json

import torch

STEPS = 10
CASES = [
    ("sgd", dict(lr=0.1)),
    ("sgd", dict(lr=0.1, weight_decay=0.05)),
    ("sgd", dict(lr=0.1, momentum=0.9)),
    ("sgd", dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.05)),
    ("sgd", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)),
    ("adam", dict(lr=0.01)),
    ("adam", dict(lr=0.01, betas=(0.4, 0.7), eps=1e-3, weight_decay=0.1)),
    ("adamw", dict(lr=0.01)),
    ("adamw", dict(lr=0.03, betas=(0.9, 0.95), weight_decay=0.1)),
    ("rmsprop", dict(lr=0.01)),
    ("rmsprop", dict(lr=0.01, alpha=0.8, eps=1e-3, weight_decay=0.1, momentum=0.9)),
    ("rmsprop", dict(lr=0.01, alpha=0.8, eps=1e-2, momentum=0.5, centered=True)),
    ("rmsprop", dict(lr=0.01, alpha=0.8, eps=1e-2, centered=True)),
    ("adagrad", dict(lr=0.1)),
    ("adagrad", dict(lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-6)),
    ("adadelta", dict(lr=1.0)),
    ("adadelta", dict(lr=0.5, rho=0.7, eps=1e-3, weight_decay=0.1)),
    ("adamax", dict(lr=0.01)),
    ("adamax", dict(lr=0.02, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1)),
    ("radam", dict(lr=0.01)),
    ("radam", dict(lr=0.02, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1)),
    ("lion", dict(lr=0.01)),
    ("lion", dict(lr=0.02, betas=(0.7, 0.9), weight_decay=0.1)),
]


class Lion(torch.optim.Optimizer):
    """The listing of the paper (Chen et al. 2023, program 1); PyTorch has none of its own."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0, foreach=None):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr = group["betas"], group["lr"]
            for p in group["params"]:
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                update = (beta1 * m + (1 - beta1) * p.grad).sign()
                p.mul_(1 - lr * group["weight_decay"])
                p.sub_(lr * update)
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


RULES = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "adamax": torch.optim.Adamax,
    "radam": torch.optim.RAdam,
    "lion": Lion,
}


def muon():
    """Matrices of both shapes. PyTorch rounds to bfloat16 inside; here that type stands for f64 meanwhile."""
    bfloat16, torch.bfloat16 = torch.bfloat16, torch.float64
    generator = torch.Generator().manual_seed(2)
    cases = []
    for shape, options in [((3, 5), {}), ((6, 2), dict(lr=0.1, momentum=0.7, weight_decay=0.3, nesterov=False))]:
        p = torch.nn.Parameter(torch.randn(shape, dtype=torch.float64, generator=generator))
        case = {"shape": shape, "options": options, "start": p.flatten().tolist(), "gradients": []}
        optimizer = torch.optim.Muon([p], **options)
        for _ in range(4):
            p.grad = torch.randn(shape, dtype=torch.float64, generator=generator)
            case["gradients"].append(p.grad.flatten().tolist())
            optimizer.step()
        cases.append({**case, "end": p.flatten().tolist()})
    torch.bfloat16 = bfloat16
    return cases


torch.manual_seed(1)
# Rounded to f32, so that both precisions start from the same numbers.
start = torch.randn(6, dtype=torch.float32)
gradients = torch.randn(STEPS, 6, dtype=torch.float32)
results = []
for name, options in CASES:
    case = {"rule": name, "options": options}
    for key, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        p = torch.nn.Parameter(start.to(dtype).clone())
        optimizer = RULES[name]([p], foreach=False, **options)
        trace = []
        for gradient in gradients:
            p.grad = gradient.to(dtype).clone()
            optimizer.step()
            trace.append(p.detach().tolist())
        case[key] = [trace[0], trace[-1]]
    results.append(case)
clip = torch.nn.Parameter(torch.zeros(6, dtype=torch.float64))
clip.grad = gradients[0].double()
norm = torch.nn.utils.clip_grad_norm_([clip], 1.0).item()
print(json.dumps({"start": start.tolist(), "gradients": gradients.tolist(), "cases": results,
                  "clip": {"norm": norm, "scaled": clip.grad.tolist()}, "muon": muon()}, indent=1))
