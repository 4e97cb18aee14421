"""Learning rates of PyTorch's schedulers, for tests/optim/schedules.rs.

    python make_schedules.py > schedules.json

Made with torch 2.15.
"""

import json

import torch
from torch.optim import lr_scheduler as lrs

STEPS = 60
CASES = [
    ("step_decay", dict(start=0.3, factor=0.5, steps=[7, 20, 21]),
     lambda o: lrs.MultiStepLR(o, milestones=[7, 20, 21], gamma=0.5)),
    ("exponential", dict(start=0.3, factor=0.93), lambda o: lrs.ExponentialLR(o, gamma=0.93)),
    ("polynomial", dict(start=0.3, power=1.0, total=40), lambda o: lrs.PolynomialLR(o, total_iters=40, power=1.0)),
    ("polynomial", dict(start=0.3, power=2.5, total=40), lambda o: lrs.PolynomialLR(o, total_iters=40, power=2.5)),
    ("cosine_restarts", dict(start=0.3, floor=0.02, first=7, growth=2),
     lambda o: lrs.CosineAnnealingWarmRestarts(o, T_0=7, T_mult=2, eta_min=0.02)),
    ("cosine_restarts", dict(start=0.3, floor=0.0, first=9, growth=1),
     lambda o: lrs.CosineAnnealingWarmRestarts(o, T_0=9, T_mult=1)),
    ("one_cycle", dict(start=0.3, total=STEPS), lambda o: lrs.OneCycleLR(o, max_lr=0.3, total_steps=STEPS)),
]

results = []
for name, options, make in CASES:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=options["start"])
    scheduler = make(optimizer)
    rates = []
    for step in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < STEPS:
            scheduler.step()
    results.append({"schedule": name, **options, "rates": rates})
print(json.dumps(results, indent=1))
