"""Rotary frequencies as transformers computes them, bit for bit, for tests/nn/config.rs.

    python make_rope_frequencies.py > rope_frequencies.json

Made with torch 2.15 and transformers 5.24 on a CPU.
"""

import json
import struct

from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
CASES = [
    {"rope_type": "default", "rope_theta": 10000.0},
    {"rope_type": "default", "rope_theta": 100000.0},
    {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0},
    {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, **LLAMA3},
    {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 32.0, **LLAMA3},
]


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


cases = []
for head_dim in (48, 64, 128):
    for parameters in CASES:
        config = LlamaConfig(
            hidden_size=2 * head_dim, num_attention_heads=2, num_key_value_heads=2, head_dim=head_dim,
            intermediate_size=8, num_hidden_layers=1, vocab_size=8, max_position_embeddings=131072,
            rope_parameters=dict(parameters),
        )
        frequencies = LlamaRotaryEmbedding(config).inv_freq.tolist()
        cases.append({"config": json.loads(config.to_json_string(use_diff=False)), "bits": [bits(f) for f in frequencies]})
for case in cases:
    keep = ("model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "rms_norm_eps", "rope_parameters")
    case["config"] = {key: case["config"][key] for key in keep}
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
