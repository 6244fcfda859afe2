"""The homes of a batch under lock, and what the last commit left of them: all that ingest has to know to sort it.

The lock on the home's `intake` row is held until the commit. So numbers are in commit order, and a reader that has seen
number 17 has seen everything below it, however many writers there are.

With 100,000 homes each message of a batch is of another home, and to find a row by its key costs 2 to 5 µs, whatever is
done with it. So no row is looked for twice where once will do: the lock hands out the numbers (`lock_homes`), numbered
readings that follow upon what is stored are noted without being asked about (`follow_on`), and all else is read in one
statement (`open_homes`). The nouns are tuples because some thousand of each are made a second.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from store import arrays
from store.database import Conn
from store.home import SensorKind
from store.hub import HubState
from store.unread import Note

Hub = tuple[int, str]  # home id, boot

_KINDS = {str(kind): kind for kind in SensorKind}
_STATES = {str(state): state for state in HubState}


class LockedHome(NamedTuple):
    """A home whose `intake` row is locked."""

    id: int
    code: str
    partition: int
    check_in_interval: timedelta
    last_number: int


class IntakeHome(NamedTuple):
    """A home as its writer needs it, locked."""

    id: int
    code: str
    partition: int
    check_in_interval: timedelta
    last_number: int
    hub_state: HubState | None  # None: never heard
    last_heard_at: datetime | None
    last_hub_time: datetime | None
    backlog: int | None


class IntakeSensor(NamedTuple):
    """A sensor as its writer needs it."""

    id: int
    home_id: int
    code: str
    kind: SensorKind
    value: float | None
    value_at: datetime | None
    falling_at: datetime | None  # since when a plug in use says idle, not yet believed


class StoredSequence(NamedTuple):
    """Which of a boot's numbered readings are stored."""

    contiguous: int = 0  # everything from 1 to this
    beyond: tuple[tuple[int, int], ...] = ()  # [start, end) of what is stored behind the first gap, lowest first


class Asked(NamedTuple):
    """What a message is about; empty words where it names none."""

    home_id: int
    boot: str = ""
    sensor: str = ""


@dataclass(slots=True, kw_only=True)
class Opened:
    """What the last commit left of the homes, hubs and sensors that were asked about."""

    homes: dict[str, IntakeHome] = field(default_factory=dict)  # by code
    sensors: dict[tuple[int, str], IntakeSensor] = field(default_factory=dict)  # by home id and code
    sequences: dict[Hub, StoredSequence] = field(default_factory=dict)  # nothing of a boot never heard of
    wrong_clocks: set[Hub] = field(default_factory=set)  # `store.hub.clocks_of_hubs` knows more of these
    notes: dict[int, Note] = field(default_factory=dict)  # the newest of each home, by home id


def lock_homes(conn: Conn, readings: Mapping[str, int]) -> dict[str, LockedHome]:
    """The homes of these codes, each locked until the end of the transaction, with a number reserved for each of its
    readings; unknown codes are absent. Whoever uses more or fewer has to say so with `intake.save_numbers`.

    Locked in order of code, so that two writers with homes in common do not wait for each other in a circle. Who had to
    wait goes on from the number that the holder of the lock before committed; all else of the home has to be read in a
    later statement to be as new.
    """
    _go_by_key(conn)
    codes = sorted(readings)
    rows = conn.execute(
        """
        UPDATE intake
           SET last_number = intake.last_number + told.readings
          FROM unnest(%(codes)s::text[], %(readings)s::bigint[]) AS told (code, readings)
          JOIN home ON home.code = told.code
         WHERE intake.home_id = home.id
        RETURNING home.id, home.code, home.partition, home.check_in_interval, intake.last_number - told.readings
        """,
        {"codes": arrays.texts(codes), "readings": arrays.numbers([readings[code] for code in codes])},
        binary=True,
    ).fetchall()
    return {row[1]: LockedHome._make(row) for row in rows}


def follow_on(conn: Conn, runs: Mapping[Hub, tuple[int, int]], *, now: datetime) -> set[Hub]:
    """Note numbers (first, last) of hubs of which everything before `first` is stored, and nothing after it; of which.

    Such readings are all new. Of the other hubs nothing is changed. Under the locks of their homes.
    """
    rows = conn.execute(
        """
        UPDATE hub_sequence AS stored
           SET contiguous = told.last, updated_at = %(now)s
          FROM unnest(%(homes)s::bigint[], %(boots)s::text[], %(firsts)s::bigint[], %(lasts)s::bigint[])
               WITH ORDINALITY AS told (home_id, boot, first, last, place)
         WHERE stored.home_id = told.home_id AND stored.boot = told.boot
           AND stored.contiguous = told.first - 1 AND stored.seen = '{}'
        RETURNING told.place
        """,
        {
            "homes": arrays.numbers([home_id for home_id, _ in runs]),
            "boots": arrays.texts([boot for _, boot in runs]),
            "firsts": arrays.numbers([first for first, _ in runs.values()]),
            "lasts": arrays.numbers([last for _, last in runs.values()]),
            "now": now,
        },
        binary=True,
    ).fetchall()
    hubs = list(runs)
    return {hubs[place - 1] for (place,) in rows}


def open_homes(
    conn: Conn, homes: Iterable[LockedHome], asked: Collection[Asked], *, followed: Collection[Hub] = ()
) -> Opened:
    """What is stored of these homes and of what is asked about; each home is in `asked` at least once.

    The sequences of hubs that were `followed` are known, and left out.
    """
    opened = Opened()
    locked = {home.id: home for home in homes}
    questions = list(asked)
    rows = conn.execute(
        """
        SELECT asked.place, nullif(hub.state, 'never_heard'), hub.last_heard_at, hub.last_hub_time, hub.backlog,
               stored.contiguous, nullif(stored.seen, '{}'), clock.home_id IS NOT NULL,
               sensor.id, sensor.kind, sensor.value, sensor.value_at,
               open.day::timestamp AT TIME ZONE 'UTC', open.earliest_at, open.latest_at
          FROM unnest(%(homes)s::bigint[], %(boots)s::text[], %(unknown)s::text[], %(sensors)s::text[])
               WITH ORDINALITY AS asked (home_id, boot, unknown, sensor, place)
          LEFT JOIN hub ON hub.home_id = asked.home_id
          LEFT JOIN hub_sequence AS stored ON stored.home_id = asked.home_id AND stored.boot = asked.unknown
          LEFT JOIN hub_clock AS clock ON clock.home_id = asked.home_id AND clock.boot = asked.boot
          LEFT JOIN sensor ON sensor.home_id = asked.home_id AND sensor.code = asked.sensor
          LEFT JOIN LATERAL (SELECT * FROM intake_day
                              WHERE intake_day.home_id = asked.home_id
                              ORDER BY first_number DESC LIMIT 1) AS open ON true
        """,
        {
            "homes": arrays.numbers([one.home_id for one in questions]),
            "boots": arrays.texts([one.boot for one in questions]),
            "unknown": arrays.texts([None if one[:2] in followed else one.boot or None for one in questions]),
            "sensors": arrays.texts([one.sensor for one in questions]),
        },
        binary=True,
    ).fetchall()
    nothing = StoredSequence()
    for (
        place, state, heard_at, hub_time, backlog, contiguous, beyond, is_clock_wrong, sensor_id, kind, value, value_at,
        begun_at, earliest_at, latest_at,
    ) in rows:  # fmt: skip
        home_id, boot, code = questions[place - 1]
        home = locked.pop(home_id, None)
        if home is not None:  # the first row of this home
            state = _STATES[state] if state is not None else None
            opened.homes[home.code] = IntakeHome(*home, state, heard_at, hub_time, backlog)
            if begun_at is not None:
                opened.notes[home_id] = Note(begun_at, earliest_at, latest_at)
        hub = home_id, boot
        if hub in followed:
            pass
        elif contiguous is None:
            opened.sequences[hub] = nothing
        else:
            ranges = tuple([(part.lower, part.upper) for part in beyond]) if beyond is not None else ()
            opened.sequences[hub] = StoredSequence(contiguous, ranges)
        if is_clock_wrong:
            opened.wrong_clocks.add(hub)
        if sensor_id is not None:
            opened.sensors[home_id, code] = IntakeSensor(sensor_id, home_id, code, _KINDS[kind], value, value_at, None)
    return opened


def sensors_of_homes(conn: Conn, homes: Sequence[int]) -> dict[tuple[int, str], IntakeSensor]:
    """All sensors of these homes, by home id and code."""
    rows = conn.execute(
        """
        SELECT sensor.id, sensor.home_id, sensor.code, sensor.kind, sensor.value, sensor.value_at, fall.falling_at
          FROM sensor
          LEFT JOIN plug_fall AS fall ON fall.sensor_id = sensor.id
         WHERE sensor.home_id = ANY(%(homes)s::bigint[])
        """,
        {"homes": arrays.numbers(homes)},
    ).fetchall()
    return {
        (home_id, code): IntakeSensor(sensor_id, home_id, code, _KINDS[kind], value, value_at, falling_at)
        for sensor_id, home_id, code, kind, value, value_at, falling_at in rows
    }


def _go_by_key(conn: Conn) -> None:
    """For this transaction: find the batch's rows through their keys, however many homes there are.

    A batch is some hundred rows of each table. By its own estimate the planner reads whole tables for it: with 100,000
    homes and 1,000 messages, `save_numbers` took 97 ms instead of 17 (on a busy machine). And it would keep a plan made
    for the empty `hub_sequence` of a new site, which walks through all of it for each message as it fills: seen, ten
    times slower for a minute and a half, until the table was analysed. Planning anew costs 0.2 µs a message.
    """
    conn.execute(
        """
        SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
               set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)
        """
    )
