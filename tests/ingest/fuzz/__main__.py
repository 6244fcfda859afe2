"""`python -m tests.ingest.fuzz [--count 1000000] [--seed 1] [--engine auto|random|atheris]`.

Prints what became of the messages, by dialect and reason; exits with 1 and the message on any exception. atheris looks
for new paths through our code by itself (`ingest` is instrumented for it); without it, or with `random`, a seed
decides. A message may count under several reasons: each of its readings has its own.
"""

import argparse
import importlib
import importlib.util
import os
import sys
from typing import Any


def main() -> int:
    """Run it; 0 if nothing was raised."""
    parser = argparse.ArgumentParser(prog="python -m tests.ingest.fuzz", description="Rubbish for ingest, in bulk.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=["auto", "random", "atheris"], default="auto")
    arguments = parser.parse_args()
    engine = arguments.engine
    if engine == "auto":
        engine = "atheris" if importlib.util.find_spec("atheris") is not None else "random"
    print(f"{arguments.count} messages, engine {engine}, seed {arguments.seed}", flush=True)
    return (_with_atheris if engine == "atheris" else _with_seed)(arguments.count, arguments.seed)


def _with_seed(count: int, seed: int) -> int:
    from tests.ingest.fuzz.choices import Seeded
    from tests.ingest.fuzz.run import Run

    run, choices = Run(count=count), Seeded(seed)
    while not run.is_over:
        if not run.take(choices):
            return 1
    print(run.report())
    return 0


def _with_atheris(count: int, seed: int) -> int:
    atheris: Any = importlib.import_module("atheris")  # optional, and without type information
    with atheris.instrument_imports(include=["ingest"]):
        from tests.ingest.fuzz.choices import FromBytes
        from tests.ingest.fuzz.run import Run

    run = Run(count=count)

    def try_one(tried: bytes) -> None:
        is_taken = run.take(FromBytes(tried))
        if is_taken and not run.is_over:
            return
        print(run.report() if is_taken else "an exception: see above")
        sys.stdout.flush()
        os._exit(0 if is_taken else 1)  # the engine itself never returns

    atheris.Setup([sys.argv[0], f"-seed={seed}", "-max_len=400", "-len_control=0", "-verbosity=0"], try_one)
    atheris.Fuzz()
    return 1


if __name__ == "__main__":
    sys.exit(main())
