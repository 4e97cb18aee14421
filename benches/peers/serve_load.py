"""`ulp serve` beside llama.cpp's llama-server on the same file, in turns, under one load generator.

    cargo build --release -p ulp -p ulp-serve --bin ulp --example load
    python serve_load.py --ulp target/release/ulp --load target/release/examples/load \
        --llama-server llama-server [--rounds 3] [--seconds 30] MODEL.gguf

First each server is asked twice for what begins with the same 1,000 tokens. Then each round starts one
server and then the other, on 2 threads with 8 places, and lets the generator ask: 8 clients that ask again
as soon as they are answered, then requests at random moments. Printed are the medians of the tokens a second
and of the 99th percentile of the time between two tokens, and the medians of the rounds' ratios.
"""

import argparse
import json
import random
import statistics
import subprocess
import time
import urllib.request

SLOTS, THREADS = 8, 2


def command(kind, options, port):
    if kind == "ulp":
        return [options.ulp, "serve", "-m", options.model, "-t", THREADS, "--max-running", SLOTS, "--port", port]
    return [options.llama_server, "-m", options.model, "-t", THREADS, "-tb", THREADS, "-np", SLOTS, "-c", 1024 * SLOTS + 1024, "--port", port]


class Server:
    """A server that answers, until the end of the block."""

    def __init__(self, kind, options):
        self.port = 18080 if kind == "ulp" else 18081
        self.command = list(map(str, command(kind, options, self.port)))

    def __enter__(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(self.command, **quiet)
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.command} ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health") as reply:
                    if reply.status == 200:
                        return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{self.command} does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def load(self, options, words):
        words = [options.load, f"127.0.0.1:{self.port}", "--seconds", options.seconds, *words]
        return json.loads(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE).stdout)

    def first_token(self, ids):
        """Seconds until the first token after these."""
        body = {"prompt": ids, "max_tokens": 4, "temperature": 0.0, "stream": True, "ignore_eos": True}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        start, first = time.monotonic(), None
        with urllib.request.urlopen(request) as reply:
            for line in reply:  # to its end: who goes away early asks for nothing to be kept
                if first is None and line.startswith(b"data: {") and json.loads(line[6:])["choices"][0].get("text"):
                    first = time.monotonic() - start
        if first is None:
            raise SystemExit("no token came")
        return first


def loads(options):
    for name, words in [("8 clients", ["--clients", 8]), (f"{options.rate} a second", ["--rate", options.rate])]:
        rounds = []
        for _ in range(options.rounds):
            seen = []
            for kind in ("ulp", "llama.cpp"):
                with Server(kind, options) as server:
                    result = server.load(options, words)
                if result["failed"]:
                    raise SystemExit(f"{kind}: {result}")
                gaps, first = result["between_tokens_ms"], result["first_token_ms"]
                seen.append((result["tokens_per_second"], gaps["p50"], gaps["p99"], first["p50"]))
            rounds.append([*seen[0], *seen[1], seen[0][0] / seen[1][0], seen[0][2] / seen[1][2]])
        rows = [statistics.median(column) for column in zip(*rounds)]
        print(f"{name}:")
        for kind, values in (("ulp", rows[:4]), ("llama.cpp", rows[4:8])):
            print("  {:10} {:7.2f} tokens/s, between tokens p50 {:7.1f} ms, p99 {:7.1f} ms, first p50 {:7.0f} ms".format(kind, *values))
        print(f"  tokens {rows[8]:.2f}x, p99 between tokens {rows[9]:.2f} of llama.cpp's", flush=True)


def shared_prefix(options):
    draw = random.Random(1)
    ids = lambda n: [draw.randrange(300, 32000) for _ in range(n)]
    for kind in ("ulp", "llama.cpp"):
        shares = []
        for _ in range(options.rounds):
            beginning = ids(1000)
            with Server(kind, options) as server:
                server.first_token(ids(16))
                first, second = (server.first_token(beginning + ids(8)) for _ in range(2))
            shares.append((first, second, second / first))
        first, second, share = (statistics.median(column) for column in zip(*shares))
        print(f"shared 1,000 tokens, {kind}: first token after {first:.2f} s, then {second:.3f} s: {100 * share:.1f}%", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ulp", default="ulp")
    parser.add_argument("--load", default="load")
    parser.add_argument("--llama-server", default="llama-server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=float, default=0.4)
    parser.add_argument("--only", choices=["shared", "loads"], help="one part alone")
    parser.add_argument("model")
    options = parser.parse_args()
    if options.only != "loads":
        shared_prefix(options)
    if options.only != "shared":
        loads(options)


main()
