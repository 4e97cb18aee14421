"""Reads the file that tests/infer/gguf_round_trip.rs writes with the reference reader (PyPI gguf)."""

import sys

import numpy as np
from gguf import GGUFReader, dequantize

reader = GGUFReader(sys.argv[1])
contents = lambda key: reader.fields[key].contents()

assert contents("general.architecture") == "llama"
for key, value in {
    "a.u8": 1, "a.i8": -1, "a.u16": 2, "a.i16": -2, "a.u32": 5, "a.i32": -3, "a.f32": 0.5,
    "a.bool": True, "a.u64": 4, "a.i64": -4, "a.f64": 0.25, "b.strings": ["", "ä", "three"],
    "b.floats": [1.5, -2.5], "b.integers": [-1, 7], "b.bools": [True, False], "b.empty": [],
}.items():
    assert contents(key) == value, (key, contents(key), value)

shapes = {"F32": [3], "F16": [5, 7], "Q8_0": [3, 32], "Q4_0": [3, 64], "Q4_1": [2, 3, 32]}
for tensor in reader.tensors:
    name = tensor.name.removesuffix(".weight")
    assert tensor.tensor_type.name == name
    if name == "BF16":
        continue
    assert list(reversed(tensor.shape.tolist())) == shapes[name]
    count = int(np.prod(tensor.shape))
    x = np.array([(i * 37 % 101 - 50) / 16 for i in range(count)], np.float32)
    y = dequantize(tensor.data, tensor.tensor_type).reshape(-1)
    assert np.abs(x - y).max() <= {"F32": 0, "F16": 0, "Q8_0": 0.02}.get(name, 0.6), name
