"""A tiny Llama's training as PyTorch does it, for tests/nn/tiny_llama.rs.

    python make_tiny_llama.py

Writes tiny_llama_{untied,tied}.json (the configuration) and .safetensors beside this file:

    ids, targets         [B, T], the targets already shifted; -1 where there is none
    logits, loss         before the first step
    weight.NAME          the weights before the first step
    gradient.NAME        the loss's gradients before the first step
    losses               the loss before each of ten AdamW steps
    final.NAME           the weights after them

All in f64, so that a mistake shows as a difference far above rounding. Decay is on matrices only; gradients are
clipped to a norm that some of the ten steps exceed. Made with torch 2.15 and transformers 5.24 on a CPU.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
STEPS, LR, BETAS, DECAY, MAX_NORM = 10, 0.01, (0.9, 0.95), 0.1, 1.7
CASES = {"untied": dict(tie_word_embeddings=False), "tied": dict(tie_word_embeddings=True)}


def rotary_in_f64(rotary):
    # transformers rounds angles, cosines and sines to f32; here only the frequencies are f32.
    def forward(x, position_ids):
        angles = position_ids[..., None].double() * rotary.inv_freq.float().double()
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    return forward


def norm_in_f64(norm):
    # transformers computes the norm in f32 whatever the input's type.
    def forward(x):
        return norm.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon))

    return forward


def make(name, options):
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=20, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=4, max_position_embeddings=32, rms_norm_eps=1e-5, bos_token_id=None,
        eos_token_id=None, attn_implementation="eager", initializer_range=0.3, **options,
    )
    model = LlamaForCausalLM(config)
    frequencies = model.model.rotary_emb.inv_freq.clone()
    model = model.double()
    model.model.rotary_emb.inv_freq = frequencies
    model.model.rotary_emb.forward = rotary_in_f64(model.model.rotary_emb)
    for module in model.modules():
        if type(module).__name__ == "LlamaRMSNorm":
            module.forward = norm_in_f64(module)
            torch.nn.init.normal_(module.weight, 1.0, 0.2)
    text = torch.randint(config.vocab_size, (2, 9))
    ids, targets = text[:, :-1].contiguous(), text[:, 1:].clone()
    targets[1, 5:] = -1

    def loss_of():
        logits = softmax_in_f64(model, ids)
        return logits, torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)

    names = dict(model.named_parameters())
    out = {"ids": ids.int(), "targets": targets.int()}
    out.update({f"weight.{n}": p.detach().clone() for n, p in names.items()})
    decayed = [p for p in names.values() if p.ndim == 2]
    bare = [p for p in names.values() if p.ndim != 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": DECAY}, {"params": bare, "weight_decay": 0.0}], lr=LR, betas=BETAS, eps=1e-8,
        foreach=False,
    )
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        logits, loss = loss_of()
        loss.backward()
        if step == 0:
            out["logits"], out["loss"] = logits.detach().clone(), loss.detach().clone()
            out.update({f"gradient.{n}": p.grad.clone() for n, p in names.items()})
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(names.values(), MAX_NORM).item())
        optimizer.step()
    assert min(norms) < MAX_NORM < max(norms), norms
    out["losses"] = torch.tensor(losses, dtype=torch.float64)
    out["norms"] = torch.tensor(norms, dtype=torch.float64)
    out.update({f"final.{n}": p.detach().clone() for n, p in names.items()})
    save_file({key: value.contiguous() for key, value in out.items()}, HERE / f"tiny_llama_{name}.safetensors")
    text = json.loads(config.to_json_string(use_diff=False))
    keep = ("architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
            "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings",
            "rms_norm_eps", "rope_parameters", "tie_word_embeddings", "bos_token_id", "eos_token_id")
    (HERE / f"tiny_llama_{name}.json").write_text(json.dumps({k: text.get(k) for k in keep}, indent=1) + "\n")
    print(name, losses[0], losses[-1], norms)


def softmax_in_f64(model, ids):
    # eager attention asks for a softmax in f32; in f64 the question is answered in f64.
    original = torch.nn.functional.softmax

    def softmax(x, dim=None, dtype=None, **kwargs):
        return original(x, dim=dim, **kwargs)

    torch.nn.functional.softmax = softmax
    try:
        return model(input_ids=ids, use_cache=False).logits
    finally:
        torch.nn.functional.softmax = original


for name, options in CASES.items():
    make(name, options)
