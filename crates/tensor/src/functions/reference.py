"""Writes values of the elementary functions to twice the precision of f64.

Each line of reference.txt: function, x, and the value as a sum of two f64, all as hexadecimal bits. Each of
pow_reference.txt: x, y, and x^y so.
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

# The worst that random searches of some million arguments met.
WORST = [
    ("exp", exp, [3.8549530602734943, -346.1873390508731, -0.9938141959897568, 370.5225696675295]),
]


def power():
    """x and y whose power is an ordinary number, and small ones whose power is exact."""
    if random.random() < 0.2:
        x, y = random.randint(2, 12), random.randint(1, 14)
        return float(x), float(y if random.random() < 0.7 else -y) if x in (2, 4, 8) else float(y)
    x = abs(spread(-1000, 1000)) if random.random() < 0.5 else 1 + spread(-20, -1.5)
    return x, random.uniform(-700, 700) / float(log(mpf(x)))


with open("reference.txt", "w") as out:
    for name, function, sample in FUNCTIONS:
        for _ in range(150):
            x = sample()
            high, low = split(function(mpf(x)))
            print(name, bits(x), bits(high), bits(low), file=out)
    for name, function, arguments in WORST:
        for x in arguments:
            high, low = split(function(mpf(x)))
            print(name, bits(x), bits(high), bits(low), file=out)

with open("pow_reference.txt", "w") as out:
    for _ in range(1000):
        x, y = power()
        high, low = split(mpf(x) ** mpf(y))
        print(bits(x), bits(y), bits(high), bits(low), file=out)
