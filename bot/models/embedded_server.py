"""The process in which the embedded model runs. It is started by its path, so it imports nothing of ours.

It is a process of its own, because llama.cpp aborts rather than raises, prints where it likes and takes every core.
"""

from __future__ import annotations

import os
import sys

import xllamacpp


def serve(weights: str, alias: str, slots: int, slot_ctx: int) -> None:
    """Serve on a free loopback port, say its address in one line, and end when standard input does."""
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.model_alias = {alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = slots
    params.n_ctx = slots * slot_ctx
    # One core is left to whoever reads the answers. llama.cpp's threads spin while they wait for each other: on a busy
    # machine of two cores, two of them give 8 tokens a second and one gives 35 (idle: 75 and 41).
    threads = max(1, (os.cpu_count() or 1) - 1)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0  # the default keeps old prompts in up to 8 GiB
    params.endpoint_slots = False  # it would show prompts to others on this machine
    params.ui = False
    params.verbosity = -1
    server = xllamacpp.Server(params)  # returns when the model is loaded
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()  # the pipe closes with the process that holds it, however that one ends


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
