"""What the journeys share: a small world on the whole stack, and patience."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from deploy.demo_stack import DemoStack
from simulators.fleet import World, default_fleet

MORNING = datetime(2026, 3, 10, 8, tzinfo=UTC)  # a Tuesday in London, no summer time yet


def small_world(*codes: str, history: timedelta) -> World:
    """These homes of the demo, with less history."""
    whole = default_fleet(MORNING)
    homes = tuple(replace(home, history=history) for home in whole.homes if home.code in codes)
    return World(start=whole.start, homes=homes)


def wait_until(demo: DemoStack, what: str, holds: Callable[[], bool], *, seconds: float) -> None:
    """Look until it holds, through deaths of the database; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except psycopg.OperationalError:
            pass  # killed by the journey; the supervisor starts it again
        if time.monotonic() > deadline:
            ends = "\n".join(
                f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-8:])
                for file in sorted(demo.stack.log_dir.glob("*.log"))
            )
            pytest.fail(f"after {seconds:.0f} s still not: {what}\n{demo.stack.status()}\n{ends}")
        demo.stack.wait(0.3)
