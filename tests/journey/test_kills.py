"""Every process is killed -9 while thousands of events and a dozen alerts are under way: nothing is lost or doubled."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle, takewhile
from pathlib import Path

import httpx
import psycopg
import pytest

from deploy.administration import register_home
from deploy.demo_stack import DemoStack
from deploy.seed import PHONES
from simulators.fleet import PretendHome
from simulators.persona import personas
from simulators.resident import Resident
from simulators.source import resident_source
from store.deviation import Deviation, DeviationKind, Grade, finding_id, save_deviation
from store.home import home_by_code, set_plans
from store.wakeup import Channel, wake
from tests.journey.stage import MORNING, small_world, wait_until

HOMES = ("K7", "B4", "P1", "F8")
HISTORY = timedelta(days=8)
LEAST_EVENTS = 20_000
VICTIMS = ("ingest", "broker", "anomaly", "postgres", "alerts")
KINDS = (DeviationKind.DWELL, DeviationKind.TEMPERATURE, DeviationKind.DOOR_AT_NIGHT, DeviationKind.GRADUAL)
SILENT_PHONES = tuple(replace(phone, behaviour="ignore") for phone in PHONES)

Row = tuple[str, str, datetime, float]  # home, sensor, when, value

pytestmark = pytest.mark.journey


def test_nothing_is_lost_or_doubled_when_every_process_is_killed_in_turn(scratch: Path) -> None:
    world = small_world(*HOMES, history=HISTORY)
    with DemoStack(scratch / "kills", world, phones=SILENT_PHONES) as demo:
        demo.wait_until_it_answers()
        demo.stack.set_speed(1.0)  # leases and waits pass as on a real day
        unheard = homes_nobody_hears(demo)
        findings = [(home, kind) for kind in KINDS for home in unheard]
        killed: Counter[str] = Counter()

        for victim in cycle(VICTIMS):
            demo.stack.kill(victim)
            killed[victim] += 1
            if findings:
                tell(demo, *findings.pop(), number=len(findings))
            demo.stack.wait(2.0)
            if not findings and killed.total() >= 10:
                break
            wait_until(demo, "all run again", lambda: all(one.pid for one in demo.stack.status()), seconds=30)

        wait_until(demo, "all of the history is acknowledged", lambda: demo.progress().uploaded >= 1.0, seconds=180)
        expected = Counter(row for home in demo.world.homes for row in what_happened(home))
        assert expected.total() >= LEAST_EVENTS
        assert what_is_stored(demo) == expected

        alerts = len(KINDS) * len(unheard)
        wait_until(demo, "every alert is sent", lambda: len(first_texts(demo)) >= alerts, seconds=120)
        demo.stack.wait(3.0)  # time for a second text, which must not come
        assert sorted(first_texts(demo).values()) == [1] * alerts
        assert set(killed) == set(VICTIMS)


def homes_nobody_hears(demo: DemoStack) -> list[str]:
    """Homes whose hubs have never spoken: the model says nothing of them, so it does not end what we find there."""
    codes = ["Q1", "Q2", "Q3", "Q4"]
    pattern = demo.world.homes[0].file
    with demo.connect() as conn, conn.transaction():
        known = home_by_code(conn, pattern.id)
        assert known is not None
        for code in codes:
            home = register_home(
                conn,
                pattern.model_copy(update={"id": code}),
                organisation_id=known.organisation_id,
                dialect="native",
                now=demo.stack.clock.now(),
            )
            set_plans(conn, home.id, person_plan_id=known.person_plan_id, technical_plan_id=known.technical_plan_id)
    return codes


def tell(demo: DemoStack, home_code: str, kind: DeviationKind, *, number: int) -> None:
    """A finding as the model would save it: the services must make an alert of it and tell people."""
    at = MORNING + timedelta(seconds=number)

    def is_saved() -> bool:
        with demo.connect() as conn, conn.transaction():
            home = home_by_code(conn, home_code)
            assert home is not None
            deviation = Deviation(
                id=finding_id(home_code, kind, at),
                home_id=home.id,
                kind=kind,
                grade=Grade.URGENT,
                raised_at=demo.stack.clock.now(),
                started_at=at,
                ended_at=None,
                once_in_days=400.0,
                explanation="Something that does not end.",
            )
            save_deviation(conn, deviation)
            wake(conn, Channel.FINDING)
        return True

    wait_until(demo, "a finding is saved", is_saved, seconds=30)


def what_happened(home: PretendHome) -> list[Row]:
    """The readings of this home's history, from the same seed as its hub has them."""
    resident = Resident(persona=personas()[home.persona], seed=home.seed, zone=home.file.zone, kit=home.kit)
    source = resident_source(resident, home.incidents, dialect=home.dialect)
    until = MORNING.timestamp()
    return [
        (home.code, reading.sensor, datetime.fromtimestamp(reading.at, MORNING.tzinfo), float(reading.value))
        for reading in takewhile(lambda reading: reading.at < until, source((MORNING - HISTORY).timestamp()))
    ]


def what_is_stored(demo: DemoStack) -> Counter[Row]:
    with psycopg.connect(demo.stack.postgres.url(), options="-c timezone=UTC") as conn:
        rows = conn.execute(
            """
            SELECT home.code, sensor.code, occurred_at, sensor_event.value
              FROM sensor_event JOIN home ON home.id = sensor_event.home_id JOIN sensor ON sensor.id = sensor_id
             WHERE occurred_at < %(start)s
            """,
            {"start": MORNING},
        ).fetchall()
    return Counter((home, sensor, at.astimezone(MORNING.tzinfo), value) for home, sensor, at, value in rows)


def first_texts(demo: DemoStack) -> Counter[str]:
    """How many texts that ask for an answer the provider took for each alert; the first on call is asked in step 1."""
    with demo.connect() as conn:
        codes = [
            row[0]
            for row in conn.execute(
                "SELECT code FROM alert WHERE audience = 'person' AND kind = ANY(%(kinds)s)", {"kinds": list(KINDS)}
            ).fetchall()
        ]
    account = demo.sms_account
    url = f"{demo.phones_url}/2010-04-01/Accounts/{account[0]}/Messages.json"
    answer = httpx.get(url, params={"PageSize": 1000, "To": PHONES[0].number}, auth=account, timeout=10.0)
    bodies = [message["body"] for message in answer.raise_for_status().json()["messages"]]
    return Counter(
        {code: count for code in codes if (count := sum(code in body and "Reply" in body for body in bodies))}
    )
