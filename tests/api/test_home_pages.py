from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from api.pages.home_state import State, equipment_states, states
from store.database import Conn
from store.deviation import DeviationKind, Grade
from store.fault import FaultKind
from store.overview import HomeOverview
from tests.api.conftest import Browser, World
from tests.api.seed import seed_gallery

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CALM = HomeOverview(
    id=1,
    code="K7",
    time_zone="Europe/London",
    check_in_interval=timedelta(minutes=5),
    resident_names=("Mary Brown",),
    dialect="native",
    hub_state="online",
    last_heard_at=NOW - timedelta(minutes=2),
    backlog=0,
    hub_battery_percent=None,
    last_activity_at=NOW,
    learned_days=28.0,
    warm_up_days=0.0,
    routine_as_of=NOW,
    absence_until=None,
    absence_reason=None,
    deviations=(),
    faults=(),
    open_alerts=0,
    open_urgent_alerts=0,
    sensors=3,
    batteries_low=0,
    sensors_unavailable=0,
)


def words(home: HomeOverview) -> list[tuple[str, str]]:
    """The states of the home as (state, detail)."""
    return [(found.state, found.detail) for found in states(home, now=NOW)]


def deviation(kind: DeviationKind, grade: Grade) -> tuple[tuple[DeviationKind, Grade, datetime], ...]:
    """One that has been going on for an hour."""
    return ((kind, grade, NOW - timedelta(hours=1)),)


def test_several_figures_that_change_are_one_line_however_many_on_a_day() -> None:
    changes = deviation(DeviationKind.GRADUAL, Grade.NOTICE) * 2 + ((DeviationKind.GRADUAL, Grade.NOTICE, NOW),)
    assert words(replace(CALM, deviations=changes)) == [
        (State.DEVIATION, "a change worth asking about, since 11:00 (notice)")
    ]


def test_a_calm_home_is_as_usual() -> None:
    assert words(CALM) == [(State.AS_USUAL, "")]


@pytest.mark.parametrize(
    ("home", "expected"),
    [
        (replace(CALM, warm_up_days=9.2), [(State.LEARNING, "9 days left")]),
        (replace(CALM, warm_up_days=0.3), [(State.LEARNING, "1 day left")]),
        (replace(CALM, learned_days=None, warm_up_days=None), [(State.LEARNING, "nothing learned yet")]),
        (replace(CALM, last_heard_at=None), [(State.NEVER_HEARD, "no message from the hub so far")]),
        (
            replace(CALM, last_heard_at=NOW - timedelta(minutes=16)),
            [(State.HUB_SILENT, "last heard 16 min ago")],
        ),
        (replace(CALM, hub_state="offline"), [(State.HUB_SILENT, "it signed off; heard 2 min ago")]),
        (
            replace(CALM, faults=((FaultKind.BATTERY_LOW, NOW - timedelta(hours=2)),) * 2),
            [(State.FAULT, "battery low, since 10:00")],
        ),
        (replace(CALM, backlog=120), [(State.CATCHING_UP, "120 readings still to come")]),
        (
            replace(CALM, deviations=deviation(DeviationKind.INACTIVITY, Grade.NOTICE)),
            [(State.QUIETER, "")],
        ),
        (
            replace(CALM, deviations=deviation(DeviationKind.NOT_UP, Grade.URGENT)),
            [(State.DEVIATION, "not up yet, since 11:00")],
        ),
        (
            replace(CALM, deviations=deviation(DeviationKind.CANNOT_OBSERVE, Grade.ATTENTION)),
            [(State.CANNOT_OBSERVE, "since 11:00")],
        ),
        (
            replace(CALM, absence_until=NOW + timedelta(days=2), absence_reason="holiday"),
            [(State.AWAY, "until Thu 12 Mar 12:00 (2 days left), holiday")],
        ),
    ],
)
def test_a_state_is_said_in_words(home: HomeOverview, expected: list[tuple[str, str]]) -> None:
    assert words(home) == expected


def test_a_silent_hub_is_said_even_while_the_resident_is_away() -> None:
    home = replace(
        CALM,
        absence_until=NOW + timedelta(days=2),
        faults=((FaultKind.HUB_SILENT, NOW - timedelta(hours=1)),),
    )
    assert [state for state, _ in words(home)] == [State.HUB_SILENT, State.AWAY]


def test_the_gravest_state_comes_first() -> None:
    home = replace(CALM, warm_up_days=3.0, deviations=deviation(DeviationKind.DWELL, Grade.URGENT))
    assert [state for state, _ in words(home)] == [State.DEVIATION, State.LEARNING]


def test_equipment_states_tell_nothing_of_the_residents_day() -> None:
    home = replace(CALM, deviations=deviation(DeviationKind.DWELL, Grade.URGENT), hub_state="offline")
    assert [found.state for found in equipment_states(home, now=NOW)] == [State.HUB_SILENT]


def test_the_list_shows_each_home_with_its_state_and_last_sign_of_life(sam: Browser, conn: Conn, world: World) -> None:
    seed_gallery(conn, world.ours, now=world.now)
    conn.commit()
    page = sam.get("/homes").text
    for code in ("K7", "K10", "K11", "K12", "K13", "K14", "K15"):
        assert f'href="/homes/{code}"' in page
    for said in ("Not as usual", "9 days left", "until Fri 13 Mar 12:00", "last heard 3 h ago", "nothing learned yet"):
        assert said in page, said
    assert "11:13" in page  # 47 minutes ago, where the homes are
    assert page.index("K10</a>") < page.index("K15</a>")


def test_the_equipment_page_shows_sensors_offers_and_rejected_messages(ian: Browser, conn: Conn, world: World) -> None:
    conn.execute("UPDATE sensor SET battery_percent = 9, is_available = false WHERE code = 'M001'")
    conn.execute(
        "INSERT INTO sensor_offer VALUES (%(home)s, '0x00158d', 'motion', 'RTCGQ11LM', %(now)s)",
        {"home": world.home.id, "now": world.now},
    )
    conn.execute(
        """
        INSERT INTO rejected_message (home_id, topic, payload, reason, detail, received_at)
        SELECT %(home)s, 't', 'x', 'unknown_sensor', 'no sensor <script>M009</script>', %(now)s
          FROM generate_series(1, 7)
        """,
        {"home": world.home.id, "now": world.now},
    )
    conn.commit()
    page = ian.get("/homes/K7/equipment").text
    for said in (
        "9 %, low",
        "Out of reach",
        "120 of 255",
        "0x00158d",
        "RTCGQ11LM",
        "Unknown sensor",
        ">7<",
        "&lt;script&gt;M009",
        "Kettle &lt;b&gt;",
        "Battery low",
    ):
        assert said in page, said
    assert "<script>M009" not in page


@pytest.mark.parametrize(
    ("dialect", "words"), [("shelly", "Shelly"), ("tasmota", "Tasmota"), ("homeassistant", "Home Assistant")]
)
def test_the_equipment_page_names_the_protocol(
    ian: Browser, conn: Conn, world: World, dialect: str, words: str
) -> None:
    conn.execute(
        "UPDATE hub SET dialect = %(dialect)s WHERE home_id = %(home)s", {"dialect": dialect, "home": world.home.id}
    )
    conn.commit()
    assert f">{words}</dd>" in ian.get("/homes/K7/equipment").text


def test_the_status_page_counts_what_it_should(sam: Browser, conn: Conn, world: World) -> None:
    conn.execute(
        "INSERT INTO service_seen VALUES ('ingest', %(at)s, '12 messages')", {"at": world.now - timedelta(seconds=5)}
    )
    conn.commit()
    page = sam.get("/status").text
    for said in ("12 messages", "Works", "PostgreSQL", "up to date", "Open alerts"):
        assert said in page, said
    assert "The service “alerts” does not answer" in page
