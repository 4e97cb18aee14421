"""`ulp bench` beside llama.cpp's llama-bench on the same files, in turns.

    python llama_bench.py --ulp target/release/ulp --llama-bench llama-bench [--rounds 5] MODEL.gguf ...

Each round runs one and then the other, for a prompt of 512 tokens, for single tokens, for single tokens
after 1,024 others (all on 2 threads), and for single tokens on one thread. Printed are the medians of the
tokens a second, the median of the rounds' ratios, and the share of the machine's limit that `ulp bench`
computes from its own measurements.
"""

import argparse
import json
import statistics
import subprocess

# name, threads, prompt, tokens, depth, repetitions in a run
CASES = [
    ("prompt of 512", 2, 512, 0, 0, 1),
    ("tokens", 2, 0, 32, 0, 3),
    ("tokens at depth 1024", 2, 0, 32, 1024, 1),
    ("tokens, 1 thread", 1, 0, 16, 0, 3),
]


def ulp(command, model, case):
    _, threads, prompt, tokens, depth, repetitions = case
    words = [command, "bench", "-m", model, "-p", prompt, "-n", tokens, "-d", depth, "-t", threads, "-r", repetitions, "--json"]
    result = json.loads(run(words))["results"][0]
    return result["tokens_per_second"], result["share"]


def llama(command, model, case):
    _, threads, prompt, tokens, depth, repetitions = case
    words = [command, "-m", model, "-p", prompt, "-n", tokens, "-d", depth, "-t", threads, "-r", repetitions, "-o", "json"]
    return statistics.median(json.loads(run(words))[0]["samples_ts"])


def run(words):
    return subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ulp", default="ulp")
    parser.add_argument("--llama-bench", default="llama-bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    for model in options.models:
        print(model, flush=True)
        for case in (case for case in CASES if options.only in case[0]):
            rounds = []
            for _ in range(options.rounds):
                (ours, share), theirs = ulp(options.ulp, model, case), llama(options.llama_bench, model, case)
                rounds.append((ours, theirs, ours / theirs, share))
            ours, theirs, ratio, share = (statistics.median(column) for column in zip(*rounds))
            print(f"  {case[0]:22} {ours:8.2f} {theirs:8.2f}  {ratio:5.2f}x  {100 * share:4.0f}% of the limit", flush=True)


if __name__ == "__main__":
    main()
