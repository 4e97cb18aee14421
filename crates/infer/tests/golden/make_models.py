"""Makes the small random models beside this file, with transformers' own logits.

    python make_models.py

needs torch, transformers (written with 5.24), safetensors and gguf. For each case `models/NAME/`
holds what `save_pretrained` writes, `model.gguf` with the same weights under GGUF's names as
llama.cpp's converter has them, and `expected.safetensors`: `ids` [T], `logits` [T, V] and `states`
[T, C] (what the output matrix is multiplied with), computed in f32 with eager attention from the
stored weights. `models/qwen2/beams.json` holds beam searches, `models/phi3_border/border.safetensors`
what LongRoPE gives around its border. Weights, biases and gains are all random: a bias
left at zero or a gain left at one would hide a mistake in its use.
"""

import json
import pathlib
import shutil
import sys

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
import transformers as hf

HERE = pathlib.Path(__file__).parent / "models"
LENGTH = 40

SMALL = dict(
    vocab_size=40,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)
WIDE = dict(SMALL, head_dim=6)
DEFAULT = dict(rope_type="default", rope_theta=10000.0)

CASES = {
    "llama_linear": (hf.LlamaConfig, dict(SMALL, tie_word_embeddings=True,
        rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0))),
    "llama_rope3": (hf.LlamaConfig, dict(WIDE, attention_bias=True, mlp_bias=True,
        rope_parameters=dict(rope_type="llama3", rope_theta=10000.0, factor=8.0,
            low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32))),
    # Past the original context, token by token: one pass would turn all tokens as the last one.
    "llama_dynamic": (hf.LlamaConfig, dict(SMALL,
        rope_parameters=dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0))),
    "llama_yarn": (hf.LlamaConfig, dict(SMALL, head_dim=16,
        rope_parameters=dict(rope_type="yarn", rope_theta=100.0, factor=4.0,
            original_max_position_embeddings=16, beta_fast=4.0))),
    "mistral_window": (hf.MistralConfig, dict(WIDE, sliding_window=9)),
    "qwen2": (hf.Qwen2Config, dict(SMALL, tie_word_embeddings=True, rope_parameters=DEFAULT)),
    "qwen3": (hf.Qwen3Config, dict(WIDE, tie_word_embeddings=False, rope_parameters=DEFAULT)),
    "gemma2": (hf.Gemma2Config, dict(WIDE, num_hidden_layers=3, sliding_window=9,
        query_pre_attn_scalar=6, attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma3": (hf.Gemma3TextConfig, dict(WIDE, num_hidden_layers=6, sliding_window=9,
        query_pre_attn_scalar=6)),
    "phi3": (hf.Phi3Config, dict(SMALL, sliding_window=17)),
    # Phi-4-mini turns a part of a head; two sets of factors, of which the short are in use.
    "phi3_long": (hf.Phi3Config, dict(SMALL, head_dim=None, hidden_size=32, tie_word_embeddings=True,
        max_position_embeddings=256, original_max_position_embeddings=64,
        rope_parameters=dict(rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.75,
            short_factor=[1.0, 1.5, 2.0], long_factor=[1.0, 3.0, 9.0]))),
    # The same with a text that is longer than the original context: the long factors, for all of it.
    "phi3_border": (hf.Phi3Config, dict(SMALL, head_dim=None, hidden_size=32, tie_word_embeddings=True,
        max_position_embeddings=96, original_max_position_embeddings=24,
        rope_parameters=dict(rope_type="longrope", rope_theta=100.0, partial_rotary_factor=0.75,
            short_factor=[1.0, 1.5, 2.0], long_factor=[2.0, 4.0, 3.0]))),
    "gpt2": (hf.GPT2Config, dict(vocab_size=40, n_embd=16, n_inner=24, n_layer=2, n_head=4,
        n_positions=64, bos_token_id=1, eos_token_id=2)),
}

# Hugging Face's names within a layer -> GGUF's.
LAYER = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.gate_up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
    "ln_1": "attn_norm",
    "ln_2": "ffn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}
WHOLE = {
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "wte": "token_embd",
    "wpe": "position_embd",
    "ln_f": "output_norm",
    "lm_head": "output",
}
ARCHITECTURE = {"mistral": "llama", "gemma3_text": "gemma3"}


def randomise(model, generator):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name or ".ln_" in name:
                # Gemma stores the difference from one.
                is_gain = name.endswith("weight") and not type(model).__name__.startswith("Gemma")
                parameter.copy_(0.2 * noise + (1.0 if is_gain else 0.0))
            elif parameter.ndim == 1:
                parameter.copy_(0.3 * noise)
            else:
                fan_in = parameter.shape[0 if "c_" in name else 1]
                parameter.copy_(noise * fan_in**-0.5)
            parameter.copy_(parameter.to(torch.bfloat16))


def gguf_name(name, is_gemma):
    name = name.removeprefix("model.").removeprefix("transformer.")
    stem, kind = name.rsplit(".", 1)
    if stem in WHOLE:
        return f"{WHOLE[stem]}.{kind}"
    _, layer, part = stem.split(".", 2)
    if part == "post_attention_layernorm":
        ours = "post_attention_norm" if is_gemma else "ffn_norm"
    else:
        ours = LAYER[part]
    return f"blk.{layer}.{ours}.{kind}"


def neighbours(tensor, heads):
    """The order of rows that llama.cpp's converter gives q and k of Llama."""
    rows = tensor.shape[0]
    halves = tensor.reshape(heads, 2, rows // heads // 2, *tensor.shape[1:])
    return halves.swapaxes(1, 2).reshape(tensor.shape)


def write_gguf(path, config, model):
    kind = config.model_type
    arch = ARCHITECTURE.get(kind, kind)
    is_gemma = arch.startswith("gemma")
    writer = gguf.GGUFWriter(path, arch)
    get = lambda *names: next(getattr(config, n) for n in names if getattr(config, n, None) is not None)
    heads = get("num_attention_heads", "n_head")
    width = get("hidden_size", "n_embd")
    head_dim = getattr(config, "head_dim", None) or width // heads
    writer.add_context_length(get("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(width)
    writer.add_block_count(get("num_hidden_layers", "n_layer"))
    writer.add_feed_forward_length(get("intermediate_size", "n_inner"))
    writer.add_head_count(heads)
    writer.add_vocab_size(config.vocab_size)
    tensors = {}
    if kind == "gpt2":
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    else:
        writer.add_head_count_kv(config.num_key_value_heads)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
        rope = config.rope_parameters
        rope = rope.get("full_attention", rope)
        writer.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1.0)))
        writer.add_rope_freq_base(rope["rope_theta"])
        if rope["rope_type"] == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(rope["factor"])
        if rope["rope_type"] == "yarn":
            writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
            writer.add_rope_scaling_factor(rope["factor"])
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
            writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        if rope["rope_type"] == "llama3":
            plain = rope["rope_theta"] ** -(np.arange(0, head_dim, 2, dtype=np.float32) / head_dim)
            scaled = model.model.rotary_emb.inv_freq.numpy()
            tensors["rope_freqs.weight"] = (plain / scaled).astype(np.float32)
        if rope["rope_type"] == "longrope":
            original = rope["original_max_position_embeddings"]
            factor = config.max_position_embeddings / original
            writer.add_rope_scaling_orig_ctx_len(original)
            writer.add_rope_scaling_attn_factors(float(np.sqrt(1 + np.log(factor) / np.log(original))))
            tensors["rope_factors_short.weight"] = np.array(rope["short_factor"], np.float32)
            tensors["rope_factors_long.weight"] = np.array(rope["long_factor"], np.float32)
        if getattr(config, "sliding_window", None):
            writer.add_sliding_window(config.sliding_window)
        if getattr(config, "attn_logit_softcapping", None):
            writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
            writer.add_final_logit_softcapping(config.final_logit_softcapping)
    state = model.state_dict()
    tied = config.tie_word_embeddings
    for name, tensor in state.items():
        if tied and name == "lm_head.weight":
            continue
        value = tensor.float().numpy()
        if arch == "llama" and ".q_proj" in name:
            value = neighbours(value, heads)
        if arch == "llama" and ".k_proj" in name:
            value = neighbours(value, config.num_key_value_heads)
        if ".c_" in name and name.endswith("weight"):
            value = value.T
        if is_gemma and name.endswith("norm.weight"):
            value = value + 1.0
        tensors[gguf_name(name, is_gemma)] = value
    for name, value in tensors.items():
        # As the converter does: matrices in half precision, here the one that loses nothing.
        if value.ndim > 1:
            bits = np.ascontiguousarray(value, np.float32).view(np.uint32) >> 16
            writer.add_tensor(name, bits.astype(np.uint16).view(np.uint8),
                raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            writer.add_tensor(name, np.ascontiguousarray(value, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_beams(path, model, prompt):
    searches = []
    for width, ends, penalty, early in [
        (3, [5], 1.0, False), (4, [3], 0.0, False), (4, [3, 7, 36], 2.0, False),
        (3, [3, 7], 1.0, True), (2, [36], 1.0, False), (3, [36], -1.0, False),
    ]:
        out = model.generate(prompt, num_beams=width, num_return_sequences=width, do_sample=False,
            max_new_tokens=10, eos_token_id=ends, pad_token_id=0, length_penalty=penalty,
            early_stopping=early, output_scores=True, return_dict_in_generate=True)
        beams = []
        for row, score in zip(out.sequences[:, prompt.shape[1]:].tolist(), out.sequences_scores):
            end = next((i + 1 for i, t in enumerate(row) if t in ends), len(row))
            beams.append(dict(tokens=row[:end], score=float(score)))
        searches.append(dict(width=width, ends=ends, length_penalty=penalty, early_stopping=early,
            max_tokens=10, beams=beams))
    path.write_text(json.dumps(dict(prompt=prompt[0].tolist(), searches=searches)) + "\n")


def write_border(path, model, ids, original):
    """Texts as long as the original context and by one token longer, and an answer that crosses the
    border: `generate` computes all keys again there."""
    with torch.no_grad():
        below = model(input_ids=ids[:, :original], use_cache=False).logits[0]
        above = model(input_ids=ids[:, : original + 1], use_cache=False).logits[0]
    out = model.generate(ids[:, : original - 6], max_new_tokens=20, do_sample=False, eos_token_id=None,
        pad_token_id=0, output_logits=True, return_dict_in_generate=True)
    save_file({"below": below.contiguous(), "above": above.contiguous(),
        "answer": out.sequences[0, original - 6 :].to(torch.int32).contiguous(),
        "answer_logits": torch.cat(out.logits).contiguous()}, path)


def make(name, config_class, fields):
    generator = torch.Generator().manual_seed(20251)
    fields = {key: value for key, value in fields.items() if value is not None}
    config = config_class(**fields, attn_implementation="eager")
    model = hf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    randomise(model, generator)
    by_token = "dynamic" in name
    length = 2 * LENGTH if by_token else LENGTH
    ids = torch.randint(3, config.vocab_size, (1, length), generator=generator)
    with torch.no_grad():
        if by_token:
            cache = hf.DynamicCache()
            step = lambda i: model(input_ids=ids[:, i : i + 1], past_key_values=cache,
                output_hidden_states=True)
            steps = [step(i) for i in range(length)]
            logits = torch.cat([out.logits[0] for out in steps])
            states = torch.cat([out.hidden_states[-1][0] for out in steps])
        else:
            out = model(input_ids=ids, use_cache=False, output_hidden_states=True)
            logits, states = out.logits[0], out.hidden_states[-1][0]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_gguf(folder / "model.gguf", config, model)
    if name == "qwen2":
        write_beams(folder / "beams.json", model, ids[:, :8])
    if name == "phi3_border":
        original = config.original_max_position_embeddings
        write_border(folder / "border.safetensors", model, ids, original)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({"ids": ids[0].to(torch.int32).contiguous(), "logits": logits.contiguous(),
        "states": states.contiguous()},
        folder / "expected.safetensors")
    print(name, float(logits.abs().max()))


if __name__ == "__main__":
    for name, (config_class, fields) in CASES.items():
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, config_class, fields)
