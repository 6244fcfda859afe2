"""Run as a script: start the embedded PostgreSQL as an ordinary account, use it, kill it, use it again.

Everything is imported before root is given up, because the interpreter itself may lie where that account cannot reach.
"""

import os
import signal
import sys
from pathlib import Path

import psycopg

from deploy.local_stack.postgres import Postgres


def main(data_dir: Path, uid: int, gid: int) -> None:
    "warm".encode("idna")
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    os.environ["HOME"] = "/nonexistent"
    with Postgres(data_dir) as postgres:
        with psycopg.connect(postgres.url()) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 1 AS number")
        assert postgres.process is not None
        os.kill(postgres.process.pid, signal.SIGKILL)
        postgres.process.wait(5.0)
        postgres.start()
        with psycopg.connect(postgres.url()) as conn:
            row = conn.execute("SELECT number FROM kept").fetchone()
        print(row, os.getuid(), postgres.cluster.stat().st_uid)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
