"""The peer of benches/decode.rs: llama.cpp by way of llama-cpp-python.

    python decode.py MODEL.gguf THREADS

For each line `DEPTH TOKENS PASSES` on stdin it evaluates DEPTH tokens, then PASSES times TOKENS more, and prints the
seconds that the passes took.
"""

import sys
import time

from llama_cpp import Llama


def ids(first, n):
    return [3 + i * 7919 % 1000 for i in range(first, first + n)]


def main():
    path, threads = sys.argv[1], int(sys.argv[2])
    llama = Llama(path, n_ctx=2048, n_batch=512, n_threads=threads, n_threads_batch=threads, verbose=False)
    for line in sys.stdin:
        depth, tokens, passes = map(int, line.split())
        llama.reset()
        if depth:
            llama.eval(ids(0, depth))
        start = time.perf_counter()
        for i in range(passes):
            llama.eval(ids(depth + i * tokens, tokens))
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
