"""Readings that follow upon what is stored are noted without being asked about; it must make no difference."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.arrival import Arrival
from ingest.dialects.native import NativeCheckIn, encode_check_in, encode_readings
from ingest.told import TimeLimits
from ingest.wire import Dialect, home_topic
from ingest.writer import Writer
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, SensorKind
from store.intake import save_hub_sequences
from store.intake_open import Asked, StoredSequence, follow_on, lock_homes, open_homes
from tests.ingest.homes import arrival, make_home, native, reading, rows

pytestmark = pytest.mark.database

SENSORS = {"M1": SensorKind.MOTION}
SECOND = timedelta(seconds=1)

# What a hub publishes: mostly the next reading, now and then one again, one too early, one that is refused, or in the
# wrong partition. (how, boot)
HOWS = st.sampled_from(
    ["next"] * 6 + ["again", "ahead", "unknown sensor", "wrong value", "elsewhere", "two", "garbled"]
)
STORIES = st.lists(st.tuples(HOWS, st.sampled_from(["b1", "b1", "b2"])), min_size=1, max_size=25)


def messages(home: Home, story: list[tuple[str, str]], now: datetime) -> list[Arrival]:
    """The story as it arrives."""
    told: Counter[str] = Counter()
    found = []
    for place, (how, boot) in enumerate(story):
        topic, sensor, value = native(home), "M1", 1.0
        seqs = [told[boot] + 1]
        if how == "again":
            seqs = [max(1, told[boot])]
        elif how == "ahead":
            seqs = [told[boot] + 3]
        elif how == "two":
            seqs = [told[boot] + 2, told[boot] + 1]
        elif how == "elsewhere":
            topic = home_topic((home.partition + 1) % 64, home.code, Dialect.NATIVE, "events")
        elif how == "unknown sensor":
            sensor = "X9"
        elif how == "wrong value":
            value = 7.5
        if how != "elsewhere":
            told[boot] = max(told[boot], *seqs)
        at = now - 100 * SECOND
        payload = encode_readings(
            [reading(seq, at + seq * SECOND, sensor=sensor, value=value, boot=boot) for seq in seqs]
        )
        if how == "garbled":
            payload = payload.replace(b'"M1"', b"17")
        found.append(arrival(topic, payload, now + place * timedelta(microseconds=1)))
    return found


def stored(conn: Conn, home: Home) -> dict[str, object]:
    """What is left of a story, without the names of the home."""
    mine = f"WHERE home_id = {home.id}"
    return {
        "events": rows(conn, f"SELECT number, occurred_at, received_at, value FROM sensor_event {mine} ORDER BY 1"),  # noqa: S608 - our own id
        "sequences": rows(conn, f"SELECT boot, contiguous, seen::text FROM hub_sequence {mine} ORDER BY 1"),  # noqa: S608
        "last number": rows(conn, f"SELECT last_number FROM intake {mine}"),  # noqa: S608
        "sensor": rows(conn, f"SELECT value, value_at, last_heard_at FROM sensor {mine}"),  # noqa: S608
        "gaps": rows(conn, f"SELECT boot, first, last, until_at FROM hub_gap {mine} ORDER BY 1, 2"),  # noqa: S608
        "rejected": rows(conn, f"SELECT reason, payload FROM rejected_message {mine} ORDER BY received_at, id"),  # noqa: S608
    }


@given(story=STORIES, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_stored_does_not_depend_on_how_messages_fall_into_batches(
    pool: Pool, conn: Conn, now: datetime, story: list[tuple[str, str]], sizes: list[int]
) -> None:
    """One by one, readings after a gap never follow on and are asked about; in batches most do."""
    writer = Writer(pool, clock=Clock(real_start=now, start=now, speed=0), limits=TimeLimits())
    one_by_one, in_batches, at_once = (make_home(conn, SENSORS, now=now) for _ in range(3))
    alone = messages(one_by_one, story, now)
    acks = [ack for message in alone for ack in writer.write([message])]
    left = messages(in_batches, story, now)
    for place in range(len(story)):
        size = sizes[place % len(sizes)]
        batch, left = left[:size], left[size:]
        if batch:
            writer.write(batch)
    whole = messages(at_once, story, now)
    last = writer.write(whole)
    expected = stored(conn, one_by_one)
    assert stored(conn, in_batches) == expected
    assert stored(conn, at_once) == expected
    assert {ack.boot: ack.seq for ack in last} == {ack.boot: ack.seq for ack in acks}
    writer.write(whole)  # all of it again
    again = stored(conn, at_once)
    assert {name: again[name] for name in ("events", "sequences", "last number", "gaps")} == {
        name: expected[name] for name in ("events", "sequences", "last number", "gaps")
    }
    numbers = [row[0] for row in rows(conn, f"SELECT number FROM sensor_event WHERE home_id = {at_once.id} ORDER BY 1")]  # noqa: S608
    assert numbers == list(range(1, len(numbers) + 1))
    assert expected["last number"] == [(len(numbers),)]


@pytest.mark.parametrize(
    ("before", "run", "follows"),
    [
        (StoredSequence(5), (6, 9), True),
        (StoredSequence(5), (5, 9), False),  # one is stored already
        (StoredSequence(5), (7, 9), False),  # one is missing
        (StoredSequence(5, ((8, 9),)), (6, 7), False),  # something beyond a gap
        (None, (1, 3), False),  # a boot never heard of
    ],
)
def test_only_what_follows_upon_a_whole_sequence_is_noted_unasked(
    conn: Conn, now: datetime, before: StoredSequence | None, run: tuple[int, int], follows: bool
) -> None:
    home = make_home(conn, SENSORS, now=now)
    locked = lock_homes(conn, {home.code: 0})
    hub = (home.id, "b1")
    if before is not None:
        save_hub_sequences(conn, {hub: before}, now=now)
    assert follow_on(conn, {hub: run}, now=now) == ({hub} if follows else set())
    after = open_homes(conn, locked.values(), [Asked(home.id, "b1", "M1")]).sequences[hub]
    assert after == (StoredSequence(run[1]) if follows else before or StoredSequence())


def test_a_number_is_reserved_for_each_reading_and_unknown_homes_are_absent(conn: Conn, now: datetime) -> None:
    first, second = (make_home(conn, SENSORS, now=now) for _ in range(2))
    assert [lock_homes(conn, {first.code: n})[first.code].last_number for n in (3, 0, 2)] == [0, 3, 3]
    locked = lock_homes(conn, {first.code: 1, "nobody": 5, second.code: 0})
    assert {code: home.last_number for code, home in locked.items()} == {first.code: 5, second.code: 0}


def test_a_check_in_of_yesterday_in_the_batch_that_begins_a_day_is_noted_with_it(
    pool: Pool, conn: Conn, now: datetime
) -> None:
    """Its number belongs to the note that the events of the new day begin, so that has to be about yesterday too."""

    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    home = make_home(conn, SENSORS, now=now)
    writer = Writer(pool, clock=Clock(real_start=now, start=midnight, speed=0), limits=TimeLimits())
    before = midnight - 60 * SECOND
    writer.write([arrival(native(home), encode_readings([reading(1, before)]), before)])
    check_in = encode_check_in(NativeCheckIn(boot="b1", seq=1, at=before, sent=before))
    writer.write(
        [
            arrival(native(home, "checkin"), check_in, midnight - SECOND),
            arrival(native(home), encode_readings([reading(2, midnight + SECOND)]), midnight + 2 * SECOND),
        ]
    )
    notes = rows(conn, "SELECT first_number, earliest_at, latest_at FROM intake_day ORDER BY first_number")
    assert notes == [
        (1, midnight - timedelta(days=1), midnight),
        (2, midnight - timedelta(days=1), midnight + timedelta(days=1)),
    ]


def test_no_plan_outlives_the_moment_it_was_made_for(conn: Conn, now: datetime) -> None:
    """One kept from when `hub_sequence` was empty took more than 20 s for 1,000 hubs of 40,000, instead of 0.02 s."""
    home = make_home(conn, SENSORS, now=now)
    conn.execute("SET plan_cache_mode = force_generic_plan")  # where the planner would keep its plans
    conn.commit()
    for seq in range(1, 9):
        locked = lock_homes(conn, {home.code: 1})
        follow_on(conn, {(home.id, "b1"): (seq, seq)}, now=now)
        open_homes(conn, locked.values(), [Asked(home.id, "b1", "M1")])
        conn.commit()
    plans = conn.execute(
        "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements WHERE statement ~ 'unnest'"
    ).fetchall()
    assert sum("hub_sequence AS stored" in statement and custom > 0 for statement, _, custom in plans) == 2
    assert [statement for statement, generic, _ in plans if generic] == []
