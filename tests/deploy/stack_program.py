"""Run as a script: a stack with two trivial services until it is told to stop; with `deaf`, they ignore SIGTERM.

Prints what the test wants to know."""

import json
import sys
from pathlib import Path

from deploy.local_stack.stack import LocalStack
from deploy.local_stack.supervisor import Service

CHILD = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in sys.argv else lambda *_: sys.exit(0))
print(os.environ["TELECARE_DATABASE_URL"], flush=True)
time.sleep(600)
"""


def main(data_dir: Path) -> None:
    with LocalStack(data_dir, speed=60, durable=False) as stack:
        for name in ("ingest", "anomaly"):
            stack.run(
                [Service(name=name, argv=[sys.executable, "-c", CHILD, *sys.argv[2:]], environment=stack.environment())]
            )
        told = {
            "pids": [status.pid for status in stack.status()],
            "ports": [stack.postgres.port, stack.broker.port],
            "time": stack.clock.now().isoformat(),
        }
        print(json.dumps(told), flush=True)
        stack.wait()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(0)
