"""Writes reference.txt: values of the elementary functions to twice the precision of f64.

Each line: function, x, and the value as a sum of two f64, all as hexadecimal bits.
Needs mpmath (https://mpmath.org).
"""
import random
import struct

from mpmath import cos, erf, erfc, exp, expm1, log, log1p, mp, mpf, sin, sqrt, tanh

mp.dps = 60
random.seed(1)


def bits(x):
    return struct.pack(">d", x).hex()


def split(value):
    high = float(value)
    return high, float(value - mpf(high))


def spread(low, high):
    """Magnitudes spread evenly over the exponents, of both signs."""
    x = 2.0 ** random.uniform(low, high)
    return x if random.random() < 0.5 else -x


FUNCTIONS = [
    ("exp", exp, lambda: random.uniform(-708, 709) if random.random() < 0.5 else spread(-30, 3)),
    ("log", log, lambda: abs(spread(-1000, 1000)) if random.random() < 0.5 else 1 + spread(-30, -2)),
    ("tanh", tanh, lambda: spread(-30, 4.4)),
    ("sigmoid", lambda x: 1 / (1 + exp(-x)), lambda: spread(-10, 9)),
    ("erf", erf, lambda: spread(-30, 2.5)),
    ("erfc", erfc, lambda: random.uniform(-3, 26)),
    ("normal_cdf", lambda x: erfc(-x / sqrt(mpf(2))) / 2, lambda: random.uniform(-37, 5)),
    ("sin", sin, lambda: spread(-20, 20)),
    ("cos", cos, lambda: spread(-20, 20)),
    ("log1p", log1p, lambda: abs(spread(-60, 900)) if random.random() < 0.5 else max(spread(-60, 0), -0.999)),
    ("expm1", expm1, lambda: spread(-60, 5)),
]

with open("reference.txt", "w") as out:
    for name, function, sample in FUNCTIONS:
        for _ in range(150):
            x = sample()
            high, low = split(function(mpf(x)))
            print(name, bits(x), bits(high), bits(low), file=out)
