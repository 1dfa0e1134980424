"""Serve a chat model until ended: ``python -m tests.harness.serve_llm WEIGHTS PORT``."""

import signal
import sys

import xllamacpp

CONTEXT_TOKENS = 8192


def serve(weights: str, port: int) -> None:
    """Load the weights and answer requests on 127.0.0.1."""
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.port = port
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.warmup = False
    # One thread: two that share a busy machine's cores wait for each other at every layer.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    sys.stdout.write(f"serving {server.listening_address}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
