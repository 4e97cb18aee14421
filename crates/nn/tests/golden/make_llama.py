"""Makes the small random Llama directories beside this file, with transformers' own logits.

    python make_llama.py

needs torch, transformers (written with 5.24) and safetensors. Each directory is what
`save_pretrained` writes, plus `ids.json` (the input [B, T]), `logits.safetensors` (the output
[B, T, V], computed in f32 with eager attention) and `names.json` (the parameters in transformers'
order, each with its shape). Weights, biases and gains are all random: a bias
left at zero or a gain left at one would hide a mistake in its use.
"""

import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

HERE = pathlib.Path(__file__).parent
BATCH, SEQUENCE = 2, 40

CASES = {
    # Biases everywhere, untied head, two query heads a kv head, a head width that is not
    # hidden_size / heads, and Llama 3's rotary scaling with all three of its bands in use.
    "llama_biased_rope3": dict(
        max_shard_size="1GB",
        config=dict(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=12,
            attention_bias=True,
            mlp_bias=True,
            tie_word_embeddings=False,
            max_position_embeddings=256,
            rope_parameters=dict(
                rope_type="llama3",
                rope_theta=10000.0,
                factor=8.0,
                low_freq_factor=1.0,
                high_freq_factor=4.0,
                original_max_position_embeddings=32,
            ),
        ),
    ),
    # Tied head, a single kv head, plain rotary with another base; saved in several files.
    "llama_tied_sharded": dict(
        max_shard_size="24KB",
        config=dict(
            vocab_size=48,
            hidden_size=24,
            intermediate_size=40,
            num_hidden_layers=2,
            num_attention_heads=3,
            num_key_value_heads=1,
            tie_word_embeddings=True,
            max_position_embeddings=64,
            rope_parameters=dict(rope_type="default", rope_theta=500000.0),
        ),
    ),
    # Qwen2: biases on q, k and v only, whatever the configuration says; linear rotary scaling.
    "qwen2_linear": dict(
        max_shard_size="1GB",
        classes=(Qwen2Config, Qwen2ForCausalLM),
        config=dict(
            vocab_size=40,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
            max_position_embeddings=64,
            rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0),
        ),
    ),
    # Mistral with full attention; stored in bfloat16, as most published models are.
    "mistral_bf16": dict(
        max_shard_size="1GB",
        classes=(MistralConfig, MistralForCausalLM),
        dtype=torch.bfloat16,
        config=dict(
            vocab_size=40,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            sliding_window=None,
            tie_word_embeddings=False,
            max_position_embeddings=64,
        ),
    ),
}


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1.0 + 0.2 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(noise * parameter.shape[1] ** -0.5)


def make(name: str, case: dict) -> None:
    generator = torch.Generator().manual_seed(20250)
    config_class, model_class = case.get("classes", (LlamaConfig, LlamaForCausalLM))
    config = config_class(rms_norm_eps=1e-5, attn_implementation="eager", **case["config"])
    model = model_class(config).eval()
    randomise(model, generator)
    if "dtype" in case:
        # The logits are those of the stored weights, computed in f32; buffers stay unrounded.
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.to(case["dtype"]))
    ids = torch.randint(config.vocab_size, (BATCH, SEQUENCE), generator=generator)
    with torch.no_grad():
        logits = model(input_ids=ids, use_cache=False).logits
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    names = [[name, list(p.shape)] for name, p in model.named_parameters()]
    if "dtype" in case:
        model = model.to(case["dtype"])
    model.save_pretrained(folder, max_shard_size=case["max_shard_size"])
    lines = ",\n".join(json.dumps(entry) for entry in names)
    (folder / "names.json").write_text(f"[\n{lines}\n]\n")
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "ids.json").write_text(json.dumps(ids.tolist()) + "\n")
    save_file({"logits": logits.contiguous()}, folder / "logits.safetensors")


if __name__ == "__main__":
    for name, case in CASES.items():
        make(name, case)
