"""A small world for the pages: two organisations, a few homes, alerts in every state. Only store functions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher

from store.alert import How, Outcome, Severity, acknowledge, attend, close
from store.database import Conn
from store.deviation import Deviation, DeviationKind, Grade, finding_id, save_deviation
from store.fault import Fault, FaultKind, save_fault
from store.home import Home, SensorKind, add_absence, add_home, add_organisation, add_resident, add_sensor
from store.ladder import open_alert
from store.notification import Purpose, queue_notification
from store.oversight import note_seen
from store.response import Audience, Responder, ResponsePlan, ResponseStep, add_plan, add_responder
from store.routine import Routine, Usual, save_routine
from store.staff import Role, add_staff

PASSWORD = "correct horse battery"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # fast; the real parameters are tested once


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """One provider with its people."""

    id: int
    staff: dict[Role, int]
    responders: list[Responder]
    person_plan: ResponsePlan
    technical_plan: ResponsePlan


def email_of(name: str) -> str:
    """The e-mail address of a seeded member of staff."""
    return f"{name}@example.org"


def seed_organisation(conn: Conn, name: str, names: dict[Role, str], *, now: datetime, phones: int) -> Organisation:
    """Staff named as given, three responders, a plan for people and one for equipment."""
    organisation_id = add_organisation(conn, name, now=now)
    password_hash = HASHER.hash(PASSWORD)
    staff = {
        role: add_staff(
            conn,
            organisation_id=organisation_id,
            name=who,
            email=email_of(who.split()[0].lower()),
            password_hash=password_hash,
            role=role,
            now=now,
        )
        for role, who in names.items()
    }
    responders = [
        add_responder(conn, organisation_id, name=who, phone=f"+4477009{phones + number:05d}", now=now)
        for number, who in enumerate(("Dora Daughter", "Nick Neighbour", "On-call technician"))
    ]
    wait = timedelta(minutes=3)
    person = tuple(ResponseStep(wait=wait, responder_ids=(found.id,)) for found in responders[:2])
    technical = (ResponseStep(wait=timedelta(hours=1), responder_ids=(responders[2].id,)),)
    return Organisation(
        id=organisation_id,
        staff=staff,
        responders=responders,
        person_plan=add_plan(conn, organisation_id, name="People", audience=Audience.PERSON, steps=person),
        technical_plan=add_plan(conn, organisation_id, name="Equipment", audience=Audience.TECHNICAL, steps=technical),
    )


def seed_home(conn: Conn, organisation: Organisation, code: str, *, resident: str, now: datetime) -> Home:
    """A home that is heard from, with a resident and three sensors."""
    home = add_home(
        conn,
        organisation_id=organisation.id,
        code=code,
        time_zone="Europe/London",
        check_in_interval=timedelta(minutes=5),
        residents=1,
        dialect="native",
        now=now - timedelta(days=40),
    )
    add_resident(conn, home.id, name=resident, phone="+447700900999", access="Key safe at the back door, 4711")
    for sensor, kind, room in (("M001", SensorKind.MOTION, "bedroom"), ("D001", SensorKind.DOOR, "hall")):
        add_sensor(conn, home.id, code=sensor, kind=kind, room=room, is_exit=kind is SensorKind.DOOR)
    add_sensor(conn, home.id, code="kettle", name="Kettle <b>", kind=SensorKind.APPLIANCE, room="kitchen")
    conn.execute(
        "UPDATE hub SET state = 'online', last_heard_at = %(at)s, backlog = 0 WHERE home_id = %(id)s",
        {"at": now - timedelta(minutes=2), "id": home.id},
    )
    conn.execute(
        """
        UPDATE sensor SET value = 1, value_at = %(at)s, last_heard_at = %(at)s, battery_percent = 80,
               signal_quality = 120
         WHERE home_id = %(id)s
        """,
        {"at": now - timedelta(minutes=47), "id": home.id},
    )
    return home


def seed_routine(conn: Conn, home: Home, *, warm_up_days: float, now: datetime) -> None:
    """What the model would have written."""
    flat = [0.5] * 96
    usual = Usual(
        active_share=flat,
        usual_quiet_minutes=[40.0] * 96,
        room_share={"bedroom": flat, "kitchen": flat},
        up_by={"weekday": ["06:40", "07:10", "08:00"]},
    )
    save_routine(
        conn,
        Routine(
            home_id=home.id,
            as_of=now,
            learned_days=28 - warm_up_days,
            warm_up_days=warm_up_days,
            usual=usual,
            next_check_at=now + timedelta(hours=1),
        ),
    )


def seed_alert(
    conn: Conn,
    organisation: Organisation,
    home: Home,
    code: str,
    *,
    now: datetime,
    kind: DeviationKind = DeviationKind.INACTIVITY,
    grade: Grade = Grade.URGENT,
) -> int:
    """An open alert about the resident, with a text to the first responder; its id."""
    deviation = Deviation(
        id=finding_id(home.code, kind, now),
        home_id=home.id,
        kind=kind,
        grade=grade,
        raised_at=now,
        started_at=now - timedelta(minutes=110),
        ended_at=None,
        once_in_days=70.0,
        explanation="No movement for 1 h 50 since the kitchen at 09:40. A gap this long happens about once in 70 days.",
        evidence={"quiet_for_minutes": 110.0, "last_room": "kitchen", "is_door_opened": False, "late": False},
    )
    save_deviation(conn, deviation)
    severity = Severity.URGENT if grade is Grade.URGENT else Severity.ATTENTION
    open_alert(
        conn,
        home_id=home.id,
        code=code,
        kind=kind,
        severity=severity,
        explanation=deviation.explanation,
        plan=organisation.person_plan,
        deviation_id=deviation.id,
        reason="first",
        now=now,
    )
    alert_id = alert_id_of(conn, code)
    queue_notification(
        conn,
        alert_id=alert_id,
        responder=organisation.responders[0],
        purpose=Purpose.ALERT,
        body="Telecare URGENT",
        valid_for=timedelta(minutes=3),
        due_at=now,
        now=now,
    )
    return alert_id


def seed_fault_alert(conn: Conn, organisation: Organisation, home: Home, code: str, *, now: datetime) -> int:
    """An open alert about equipment; its id."""
    fault = Fault(
        id=finding_id(home.code, "battery_low/M001", now),
        home_id=home.id,
        sensor_id=None,
        kind=FaultKind.BATTERY_LOW,
        grade=Grade.ATTENTION,
        raised_at=now,
        started_at=now,
        ended_at=None,
        explanation="The battery of the sensor in the bedroom is at 9 %.",
        evidence={"battery_percent": 9},
    )
    save_fault(conn, fault)
    open_alert(
        conn,
        home_id=home.id,
        code=code,
        kind="battery_low",
        severity=Severity.TECHNICAL,
        explanation=fault.explanation,
        plan=organisation.technical_plan,
        fault_id=fault.id,
        reason="first",
        now=now,
    )
    return alert_id_of(conn, code)


def alert_id_of(conn: Conn, code: str) -> int:
    """The alert of this code."""
    row = conn.execute("SELECT id FROM alert WHERE code = %(code)s", {"code": code}).fetchone()
    assert row is not None
    return int(row[0])


def seed_gallery(conn: Conn, organisation: Organisation, *, now: datetime) -> None:
    """More homes and alerts, in every state a page can show: for looking at the pages."""
    operator = f"staff:{organisation.staff[Role.OPERATOR]}"
    homes = {}
    for number, resident in enumerate(("Rose Ward", "Edward Marsh", "Irene Holt", "Tom Baker", "Grace Lowe")):
        home = seed_home(conn, organisation, f"K{number + 10}", resident=resident, now=now)
        seed_routine(conn, home, warm_up_days=9 if number == 1 else 0, now=now)
        homes[home.code] = home
    add_absence(
        conn,
        homes["K12"].id,
        from_at=now - timedelta(days=1),
        until_at=now + timedelta(days=3),
        reason="holiday",
        noted_by="Sam Super",
    )
    conn.execute(
        "UPDATE hub SET last_heard_at = %(at)s WHERE home_id = %(id)s",
        {"at": now - timedelta(hours=3), "id": homes["K13"].id},
    )
    seed_home(conn, organisation, "K15", resident="Ada Finch", now=now)
    second = seed_alert(
        conn, organisation, homes["K10"], "B4RT", now=now - timedelta(minutes=40), kind=DeviationKind.NOT_UP
    )
    acknowledge(conn, second, by=operator, how=How.PAGE, now=now - timedelta(minutes=35))
    attend(conn, second, by=operator, how=How.PAGE, now=now - timedelta(minutes=5))
    seed_alert(
        conn, organisation, homes["K11"], "M2XQ", now=now - timedelta(hours=30), kind=DeviationKind.DWELL,
        grade=Grade.ATTENTION,
    )  # fmt: skip
    seed_fault_alert(conn, organisation, homes["K14"], "T8PW", now=now - timedelta(days=3))
    old = seed_alert(conn, organisation, homes["K14"], "C9LD", now=now - timedelta(days=2))
    close(conn, old, Outcome.FALSE_ALARM, by=operator, how=How.PAGE, reason="was asleep", now=now - timedelta(days=1))
    for service in ("api", "alerts", "anomaly", "ingest"):
        note_seen(conn, service, now=now)
