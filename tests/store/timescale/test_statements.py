"""Every statement of `store/` on the time series, run on TimescaleDB: with packed days, late rows and a year of chunks.

A function of `store/` that names one of these relations and is not run here fails the first test.
"""

import ast
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from store.activity import home_days, sensor_hours
from store.coverage_day import derive_coverage, first_heard
from store.database import Conn, DatabaseSettings
from store.hub import HubState, check_ins_after, check_ins_between, known_check_ins
from store.hub_gap import hub_gaps, note_hub_gap
from store.intake_open import Asked, lock_homes, open_homes
from store.news import news_of
from store.overview import totals
from store.retention import KeepSettings, forget_old
from store.sensor_event import changes_between, events_after, events_between, known_events
from store.timescale import arrange
from tests.store.series import Said, SeriesHome, new_home
from tests.store.timescale.conftest import connected

STORE = Path(__file__).parents[3] / "store"
SERIES = re.compile(
    r"\b(sensor_event|hub_check_in|sensor_quarter|sensor_quarter_kept|sensor_hour|home_day|intake_day)\b", re.IGNORECASE
)
# Private parts, each run by the public function named here.
PARTS = {
    "_forget_events": "forget_old", "_forget_check_ins": "forget_old", "_forget_days": "forget_old",
    "_homes_with_old_rows": "forget_old", "_each": "events_after", "note_days": "insert_events",
    "_reaches": "news_of", "_events": "news_of", "_check_ins": "news_of",
    "_touched_since": "derive_coverage", "_figures": "arrange", "_hypertables": "arrange", "_wanted": "arrange",
}  # fmt: skip
DAYS = 200
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FIRST = NOW - DAYS * DAY
ZONE = "Europe/London"


def statements_in_code() -> set[str]:
    """Functions of `store/` with a piece of SQL that names one of the relations."""
    found = set()
    for path in STORE.glob("*.py"):
        if path.name == "access.py":
            continue  # grants and views: the tests of the roles
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            body = function.body[1:] if ast.get_docstring(function) is not None else function.body
            texts = [
                node.value
                for part in body
                for node in ast.walk(part)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
            if any(SERIES.search(text) for text in texts):
                found.add(function.name)
    return found


def on_statements() -> dict[str, Callable[[Conn, SeriesHome], Any]]:
    """By the name of the function: a call with data in every relation, and what must come back is checked by it."""
    return {
        "insert_events": lambda conn, home: home.store(conn, [Said(at=NOW)], received_at=NOW),
        "insert_check_ins": lambda conn, home: home.store(conn, [Said(at=NOW, sensor=None)], received_at=NOW),
        "known_events": lambda conn, home: known_events(
            conn, [(home.home.id, home.sensors[0].id, FIRST, 1.0), (home.home.id, home.sensors[0].id, NOW, 5.0)]
        ),
        "known_check_ins": lambda conn, home: known_check_ins(conn, [(home.home.id, FIRST, HubState.CHECKIN)]),
        "events_between": lambda conn, home: events_between(conn, home.home.id, NOW - 28 * DAY, NOW),
        "changes_between": lambda conn, home: changes_between(conn, home.home.id, NOW - 28 * DAY, NOW),
        "check_ins_between": lambda conn, home: check_ins_between(conn, home.home.id, NOW - 28 * DAY, NOW),
        "events_after": lambda conn, home: events_after(conn, home.home.id, home.number - 3, limit=5000),
        "check_ins_after": lambda conn, home: check_ins_after(conn, home.home.id, home.number - 3, limit=5000),
        "news_of": lambda conn, home: news_of(conn, {home.home.id: home.number - 3}).rows[home.home.id],
        "open_homes": lambda conn, home: (
            open_homes(conn, lock_homes(conn, {home.home.code: 0}).values(), [Asked(home.home.id)]).notes
        ),
        "sensor_hours": lambda conn, home: sensor_hours(conn, home.home.id, NOW - 7 * DAY, NOW, time_zone=ZONE),
        "home_days": lambda conn, home: home_days(conn, home.home.id, FIRST.date(), NOW.date(), time_zone=ZONE),
        "totals": lambda conn, home: totals(conn, now=NOW).events_last_hour + 1,
        "note_hub_gap": _gap,
        "first_heard": lambda conn, home: first_heard(conn, home.home.id),
        "derive_coverage": lambda conn, home: derive_coverage(conn, home.home, home.sensors, now=NOW),
        "forget_old": lambda conn, home: forget_old(
            conn, settings=KeepSettings(keep_events_days=100, keep_check_ins_days=100), now=NOW
        ),
        "arrange": lambda conn, home: [arrange(conn, KeepSettings().policies)],
    }


def _gap(conn: Conn, home: SeriesHome) -> datetime | None:
    note_hub_gap(conn, (home.home.id, "b"), 1, 2, until_at=NOW, now=NOW, is_lost=False)
    return hub_gaps(conn, home.home.id, NOW - DAY, NOW + DAY)[0].from_at


@pytest.fixture(scope="module")
def years(timescale_server: DatabaseSettings) -> SeriesHome:
    """A home with a chunk of each table for every day; the older ones are packed, as the policy would."""
    with connected(timescale_server) as conn:
        home = new_home(conn, now=FIRST)
        for day in range(DAYS):
            at = FIRST + day * DAY
            said = [
                Said(at=at),
                Said(at=at, sensor=None),
                Said(at=at + MINUTE, value=0),
                Said(at=at, sensor=2, value=21),
            ]
            home.store(conn, said, received_at=at + MINUTE)
        pack(conn, before=NOW - 7 * DAY)
        return home


def pack(conn: Conn, *, before: datetime) -> None:
    for table in ("sensor_event", "hub_check_in"):
        conn.execute(
            """
            SELECT compress_chunk(chunk, if_not_compressed => true)
              FROM show_chunks(%(table)s, older_than => %(at)s) AS chunk
            """,
            {"table": table, "at": before},
        ).fetchall()


def test_every_statement_on_the_time_series_is_run_here() -> None:
    assert statements_in_code() - set(PARTS) - set(PARTS.values()) == set(on_statements()) - set(PARTS.values())
    assert set(PARTS.values()) <= set(on_statements())


@pytest.mark.parametrize("name", sorted(on_statements()))
def test_a_statement_works_on_timescaledb(timescale: Conn, years: SeriesHome, name: str) -> None:
    assert on_statements()[name](timescale, years)


class Recording(psycopg.Cursor[Any]):
    """Keeps what was asked."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "Recording":
        self.connection.asked.append((query, params))  # type: ignore[attr-defined]  # put there by the test
        return super().execute(query, params, **options)


def chunks_asked(conn: Conn, call: Callable[[], object]) -> list[set[str]]:
    """The chunks in the plan of each statement of this call, packed ones by the name of what they were packed from."""
    asked: list[tuple[Any, Any]] = []
    conn.asked = asked  # type: ignore[attr-defined]  # for Recording
    conn.cursor_factory = Recording
    call()
    conn.cursor_factory = psycopg.Cursor  # so that nothing is added to what is gone through
    plans = []
    for query, params in asked:
        if not SERIES.search(str(query)):
            continue
        lines = conn.execute("EXPLAIN (COSTS OFF) " + query, params).fetchall()
        plans.append({name for (line,) in lines for name in re.findall(r"\b_hyper_\d+_\d+_chunk\b", line)})
    return plans


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("known_events", 1),  # of a batch about the first and the last day
        ("known_check_ins", 1),
        ("events_between", 29),
        ("changes_between", 29),
        ("check_ins_between", 29),
        ("events_after", 2),
        ("check_ins_after", 2),
        ("sensor_hours", 9),
        ("totals", 2),
        ("first_heard", 2),  # one of each table
        ("note_hub_gap", 31),
    ],
)
def test_a_statement_asks_only_the_chunks_of_its_days(timescale: Conn, years: SeriesHome, name: str, most: int) -> None:
    plans = chunks_asked(timescale, lambda: on_statements()[name](timescale, years))
    assert plans
    assert max(len(chunks) for chunks in plans) <= most


def test_without_a_bound_in_time_every_chunk_would_be_asked(timescale: Conn, years: SeriesHome) -> None:
    """What the bounds are for; and the proof that the test above can fail."""

    def naive() -> None:
        timescale.execute(
            "SELECT * FROM sensor_event WHERE home_id = %(id)s AND number > %(number)s ORDER BY number LIMIT 5",
            {"id": years.home.id, "number": years.number - 3},
        )

    (chunks,) = chunks_asked(timescale, naive)
    assert len(chunks) >= DAYS


def test_a_batch_about_today_is_looked_up_in_todays_chunk(timescale: Conn, years: SeriesHome) -> None:
    last = NOW - DAY
    asked = [(years.home.id, years.sensors[0].id, last, 1.0), (years.home.id, years.sensors[0].id, last, 9.0)]
    plans = chunks_asked(timescale, lambda: known_events(timescale, asked))
    assert [len(chunks) for chunks in plans] == [1]
    assert known_events(timescale, asked) == {asked[0]}


def test_a_late_row_goes_into_a_packed_day_and_is_read_and_charted(timescale: Conn) -> None:
    home = new_home(timescale, now=FIRST)
    monday = NOW - 30 * DAY
    home.store(timescale, [Said(at=monday + n * MINUTE) for n in range(5)], received_at=monday + DAY)
    pack(timescale, before=NOW - 7 * DAY)
    cursor = home.number
    timescale.execute(
        "CALL refresh_continuous_aggregate('sensor_quarter_kept', NULL, %(end)s::timestamptz)", {"end": NOW}
    )

    home.store(timescale, [Said(at=monday + 3 * MINUTE, value=0), Said(at=NOW)], received_at=NOW)

    assert [event.occurred_at for event in events_after(timescale, home.home.id, cursor, limit=9)] == [
        monday + 3 * MINUTE,
        NOW,
    ]
    assert [event.value for event in events_between(timescale, home.home.id, monday, monday + DAY)] == [
        1,
        1,
        1,
        1,
        0,
        1,
    ]
    # Today is not computed ahead yet: it is right at once. The packed day is right after the next refresh.
    asked = monday.date(), NOW.date()
    events = [day.events for day in home_days(timescale, home.home.id, *asked, time_zone=ZONE)]
    assert events == [5, 1]
    timescale.execute(
        "CALL refresh_continuous_aggregate('sensor_quarter_kept', NULL, %(end)s::timestamptz)", {"end": NOW}
    )
    assert [day.events for day in home_days(timescale, home.home.id, *asked, time_zone=ZONE)] == [6, 1]


def test_a_number_cannot_be_stored_twice_in_a_packed_day(timescale: Conn) -> None:
    home = new_home(timescale, now=FIRST)
    at = NOW - 40 * DAY
    home.store(timescale, [Said(at=at), Said(at=at, sensor=None)], received_at=at)
    pack(timescale, before=NOW - 7 * DAY)
    for table in ("sensor_event", "hub_check_in"):
        extra = "sensor_id, value" if table == "sensor_event" else "state"
        row = timescale.execute(
            f"SELECT home_id, occurred_at, received_at, number, {extra} FROM {table} WHERE home_id = %(id)s",  # noqa: S608 - names of this test
            {"id": home.home.id},
        ).fetchone()
        assert row is not None
        values = ", ".join(["%s"] * len(row))
        again = f"INSERT INTO {table} (home_id, occurred_at, received_at, number, {extra}) VALUES ({values})"  # noqa: S608 - likewise
        with pytest.raises(psycopg.errors.UniqueViolation):
            timescale.execute(again, row)
        assert timescale.execute(again + " ON CONFLICT DO NOTHING", row).rowcount == 0
        columns = f"{table} (home_id, occurred_at, received_at, number, {extra})"
        with (
            pytest.raises(psycopg.errors.UniqueViolation),
            timescale.cursor().copy(f"COPY {columns} FROM STDIN") as copy,
        ):
            copy.write_row(row)
