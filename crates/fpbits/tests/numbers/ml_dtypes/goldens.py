"""Writes what ml_dtypes makes of its conversions to conversions.txt, beside this file.

    python goldens.py        (numpy, ml_dtypes 0.6.0; seconds)

A line is `SOURCE TARGET FIRST:RESULT ...`: from the source code FIRST on, up to the next FIRST, the
result is the code RESULT. Conversions are monotone, so that there are few such runs however many
sources there are. binary32's ends of runs are found by bisection between every 4096th code. Integers
are sources from -70000 to 70000.

`TIES SOURCE TARGET RESULT ...` has instead three results for each two neighbours of the target, in
ascending order from the lowest: of the source number just below their middle, of the middle itself,
and of the one just above. Wide targets are sampled: every STEP-th pair (`TIES STEP ...`).
"""

import pathlib

import ml_dtypes
import numpy as np

NARROW = {
    "e2m1": ml_dtypes.float4_e2m1fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e3m4": ml_dtypes.float8_e3m4,
    "e4m3": ml_dtypes.float8_e4m3,
    "e4m3b11fnuz": ml_dtypes.float8_e4m3b11fnuz,
    "e4m3fn": ml_dtypes.float8_e4m3fn,
    "e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "e5m2": ml_dtypes.float8_e5m2,
    "e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "e8m0": ml_dtypes.float8_e8m0fnu,
}
HALVES = {"binary16": np.float16, "bfloat16": ml_dtypes.bfloat16}
WIDE = {"binary32": np.float32, "binary64": np.float64}
TYPES = NARROW | HALVES | WIDE
WIDTHS = {"e2m1": 4, "e2m3": 6, "e3m2": 6, "binary16": 16, "bfloat16": 16, "binary32": 32}


def unsigned(name):
    return np.dtype(f"u{np.dtype(TYPES[name]).itemsize}")


def convert(values, target):
    with np.errstate(all="ignore"):
        return values.astype(TYPES[target]).view(unsigned(target))


def values_of(source, codes):
    return codes.astype(unsigned(source)).view(TYPES[source])


def runs(source, target):
    """Where the result changes: between codes of a grid (all codes up to 16 bits) whose results differ."""
    end = 1 << WIDTHS.get(source, 8)
    grid = np.unique(np.append(np.arange(0, end, max(1, end >> 20)), end - 1))
    result = lambda codes: convert(values_of(source, codes), target)
    starts = [np.array([0])]
    low, high = grid[:-1], grid[1:]
    while len(low):
        differ = result(low) != result(high)
        low, high = low[differ], high[differ]
        near = high - low == 1
        starts.append(high[near])
        low, high = low[~near], high[~near]
        middle = (low + high) // 2
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    codes = np.sort(np.concatenate(starts))
    return (f"{code:x}:{got:x}" for code, got in zip(codes, result(codes)))


def integer_runs(target):
    integers = np.arange(-70000, 70001, dtype=np.int32)
    results = convert(integers, target)
    first = np.append(True, results[1:] != results[:-1])
    return (f"{integers[i]:x}:{results[i]:x}" for i in np.flatnonzero(first))


def ties(source, target, step):
    codes = np.arange(1 << WIDTHS.get(target, 8), dtype=np.uint64).astype(unsigned(target))
    values = codes.view(TYPES[target]).astype(np.float64)
    values = np.unique(values[np.isfinite(values)])
    pairs = list(zip(values[:-1], values[1:]))[::step]
    kind = TYPES[source]
    for low, high in pairs:
        middle = kind(low / 2 + high / 2)
        near = np.array([np.nextafter(middle, kind(-np.inf)), middle, np.nextafter(middle, kind(np.inf))])
        yield " ".join(f"{code:x}" for code in convert(near, target))


def lines():
    yield f"# ml_dtypes {ml_dtypes.__version__}, numpy {np.__version__}: goldens.py"
    for source in NARROW:
        for target in TYPES:
            # It converts E8M0 to and from none of the other narrow formats.
            if source != target and np.can_cast(TYPES[source], TYPES[target], "unsafe"):
                yield " ".join([source, target, *runs(source, target)])
    for source in [*HALVES, "binary32"]:
        for target in NARROW:
            yield " ".join([source, target, *runs(source, target)])
    for target in NARROW:
        yield " ".join(["integer", target, *integer_runs(target)])
    for source in ["binary32", "binary64"]:
        for target, step in [*((name, 1) for name in NARROW), ("binary16", 97), ("bfloat16", 97)]:
            yield " ".join(["TIES", str(step), source, target, *ties(source, target, step)])


pathlib.Path(__file__).with_name("conversions.txt").write_text("\n".join(lines()) + "\n")
