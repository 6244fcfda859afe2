"""`telecare demo --check`: once through everything, headless, on the real parts. Says how long each step took."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx

from deploy.demo_findings import found_kinds
from deploy.demo_stack import DemoStack, first_morning
from simulators.fleet import World, default_fleet
from store.clock import make_clock

TOGETHER = timedelta(minutes=3)  # real time, for all of it
HOMES = ("K7", "H5")  # one that gets into trouble, with a hub of ours; one through a Zigbee bridge
IN_TROUBLE = HOMES[0]
FAST = 240.0  # until something is found
CALM = 20.0  # from then on: people and networks need real seconds

Found = TypeVar("Found")


class StepFailed(Exception):
    """A step did not happen in time."""


@dataclass(slots=True)
class Steps:
    """The seconds of each step, and the time that is left for all of them."""

    began: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def until(self, name: str, look: Callable[[], Found | None]) -> Found:
        """Look until there is something. Raises StepFailed when the time for everything is over."""
        start = time.monotonic()
        while not (found := look()):
            if time.monotonic() - self.began > TOGETHER.total_seconds():
                raise StepFailed(f"{name}: nothing after {time.monotonic() - start:.0f} s")
            time.sleep(0.2)
        self.seconds[name] = round(time.monotonic() - start, 2)
        return found


def run(*, as_json: bool) -> int:
    """0 only if all of it happened."""
    steps = Steps()
    failure = ""
    whole = default_fleet(first_morning(make_clock().now()))
    world = World(start=whole.start, homes=tuple(home for home in whole.homes if home.code in HOMES))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="telecare-check-", ignore_cleanup_errors=True) as folder,
            DemoStack(Path(folder), world) as demo,
        ):
            try:
                demo.wait_until_it_answers()
                steps.seconds["started"] = round(time.monotonic() - steps.began, 2)
                _go_through(demo, steps)
            except (StepFailed, httpx.HTTPError, TimeoutError) as exc:
                failure = f"{exc}\n{_ends_of_logs(demo)}"
    except TimeoutError as exc:
        failure = str(exc)
    steps.seconds["total"] = round(time.monotonic() - steps.began, 2)
    _report(steps, failure, as_json=as_json)
    return 1 if failure else 0


def _go_through(demo: DemoStack, steps: Steps) -> None:
    with demo.connect() as conn, httpx.Client(base_url=demo.pages_url, timeout=10.0) as pages:
        steps.until(
            "sensor event stored", lambda: conn.execute("SELECT FROM sensor_event LIMIT 1").fetchone() is not None
        )
        steps.until("history uploaded", lambda: demo.progress().uploaded >= 1.0)
        steps.until("routines learned", lambda: demo.progress().is_done)
        row = conn.execute("SELECT count(*) FROM sensor_event").fetchone()
        steps.notes["events of four weeks"] = row[0] if row else 0

        demo.stack.set_speed(FAST)
        found = steps.until(
            "deviation",
            lambda: conn.execute(
                """
                SELECT deviation.explanation, deviation.once_in_days
                  FROM deviation JOIN home ON home.id = home_id
                 WHERE home.code = %(code)s AND grade <> 'notice' AND raised_at >= %(start)s AND ended_at IS NULL
                """,
                {"code": IN_TROUBLE, "start": demo.world.start},
            ).fetchone(),
        )
        demo.stack.set_speed(CALM)
        steps.notes["explanation"] = found[0]
        (code,) = steps.until(
            "alert",
            lambda: conn.execute(
                """
                SELECT alert.code FROM alert JOIN home ON home.id = home_id
                 WHERE home.code = %(code)s AND audience = 'person'
                """,
                {"code": IN_TROUBLE},
            ).fetchone(),
        )
        steps.notes["alert"] = code
        steps.notes["text"] = steps.until("SMS at the provider", lambda: _text(demo, code, inbound=False))
        steps.notes["reply"] = steps.until("reply", lambda: _text(demo, code, inbound=True))
        steps.until(
            "acknowledged",
            lambda: (
                conn.execute(
                    "SELECT FROM alert WHERE code = %(code)s AND acknowledged_at IS NOT NULL", {"code": code}
                ).fetchone()
                is not None
            ),
        )

        operator = demo.logins[0]
        session = pages.post("/api/v1/session", json={"email": operator.email, "password": operator.password})
        session.raise_for_status()
        token = {"Authorization": f"Bearer {session.json()['token']}"}

        def seen() -> bool:
            alert = pages.get(f"/api/v1/alerts/{code}", headers=token).raise_for_status().json()
            return bool(alert["home"] == IN_TROUBLE and alert["acknowledged_at"])

        steps.until("visible through the web API", seen)
        steps.notes["kinds found"] = {each.kind: each.to_json() for each in found_kinds(conn)}


def _text(demo: DemoStack, code: str, *, inbound: bool) -> str | None:
    """The first text with this code that the provider has, as Twilio's interface lists it."""
    account = demo.sms_account
    answer = httpx.get(f"{demo.phones_url}/2010-04-01/Accounts/{account[0]}/Messages.json", auth=account, timeout=10.0)
    for message in reversed(answer.raise_for_status().json()["messages"]):
        if code in message["body"] and message["direction"].startswith("inbound") == inbound:
            return str(message["body"])
    return None


def _ends_of_logs(demo: DemoStack) -> str:
    files = sorted(demo.stack.log_dir.glob("*.log"))
    return "\n".join(
        f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-15:]) for file in files
    )


def _report(steps: Steps, failure: str, *, as_json: bool) -> None:
    if as_json:
        print(
            json.dumps(
                {"ok": not failure, "seconds": steps.seconds, **steps.notes, "failure": failure or None}, indent=2
            )
        )
        return
    for name, seconds in steps.seconds.items():
        print(f"{seconds:8.1f} s  {name}")
    for name, note in steps.notes.items():
        print(f"{name}: {note}")
    print(f"failed: {failure}" if failure else "all of it happened")
