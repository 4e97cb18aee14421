"""Ten steps of PyTorch's optimizers, for tests/torch.rs.

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
]
RULES = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}

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
                  "clip": {"norm": norm, "scaled": clip.grad.tolist()}}, indent=1))
