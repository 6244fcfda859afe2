"""The home's page as staff and outsiders get it: state, chart, key, findings, table; the chart as data and picture."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from store.database import Conn
from store.deviation import (
    EPISODE,
    GRADE_ALONE,
    DeviationKind,
    Grade,
    deviations_between,
    finding_id,
    save_deviation,
)
from store.home import SensorKind, add_absence, add_sensor, sensors_of
from store.hub import HubCheckIn, HubState, insert_check_ins
from store.sensor_event import SensorEvent, insert_events
from tests.api.conftest import Browser, World


@pytest.fixture
def lived_in(world: World, conn: Conn) -> World:
    """K7 with two days of life: kitchen at every hour of the day, checked in until now, one blind afternoon."""
    home = world.home
    sensors = {sensor.code: sensor.id for sensor in sensors_of(conn, home.id)}
    bed = add_sensor(conn, home.id, code="B001", kind=SensorKind.BED, room="bedroom").id
    start = world.now - timedelta(hours=52)
    instants = [start + timedelta(minutes=20 * n) for n in range(3 * 52)]
    events = [(sensors["kettle"], instant, 1.0) for instant in instants if 7 <= instant.hour < 22]
    events += [(bed, instant, float(instant.hour == 22)) for instant in instants if instant.hour in (7, 22)]
    insert_events(
        conn,
        [
            SensorEvent(home_id=home.id, sensor_id=s, occurred_at=t, received_at=t, number=n, value=v)
            for n, (s, t, v) in enumerate(sorted(events, key=lambda each: each[1]), start=1)
        ],
    )
    insert_check_ins(
        conn,
        [
            HubCheckIn(
                home_id=home.id, occurred_at=t, received_at=t, number=10_000 + n, state=HubState.CHECKIN, backlog=0
            )
            for n in range(52 * 12)
            if not 24 * 12 <= n < 28 * 12
            for t in [start + timedelta(minutes=5 * n)]
        ],
    )
    conn.commit()
    return world


def test_a_clinician_reads_state_chart_key_findings_and_table(clara: Browser, lived_in: World) -> None:
    page = clara.get("/homes/K7")
    assert page.status_code == 200
    text = page.text
    assert "Home K7" in text
    assert "Mary &lt;i&gt;Brown&lt;/i&gt;" in text
    assert "Last movement 11:40 in the kitchen, 20 min ago." in text
    assert "If nothing moves, the next finding is due at 13:00, in " in text
    assert "Between 11 February and 10 March 2026: usually up between 06:40 and 08:00, seen on 3 of 3 days" in text
    assert "could not be observed" in text
    assert 'href="/alerts/4F2Q"' in text
    assert "Key" in text
    assert 'id="finding-1"' in text


def test_the_drawing_says_in_words_what_it_shows(clara: Browser, lived_in: World) -> None:
    text = clara.get("/homes/K7").text
    sentence = re.search(r'id="chart-sentence">([^<]+)<', text)
    assert sentence is not None
    assert f'role="img" aria-label="{sentence[1]}"' in text
    assert f'alt="{sentence[1]}"' in text  # of the picture for browsers without scripts


def test_the_table_has_caption_scopes_and_can_be_reached_by_keyboard(clara: Browser, lived_in: World) -> None:
    text = clara.get("/homes/K7").text
    assert '<div class="govuk-details__text chart-table" role="region" aria-label=' in text
    assert 'tabindex="0"' in text
    assert "<caption" in text
    assert text.count('<th scope="row"') == 28
    for column in (
        "Observed",
        "First seen",
        "Up",
        "To bed",
        "Active quarter hours",
        "Out of home",
        "Kitchen",
        "In bed",
    ):
        assert f'<th scope="col" class="govuk-table__header">{column}</th>' in text


def test_days_nobody_could_see_are_not_called_inactive(clara: Browser, lived_in: World, conn: Conn) -> None:
    first = HubCheckIn(
        home_id=lived_in.home.id, occurred_at=lived_in.now - timedelta(days=6),
        received_at=lived_in.now - timedelta(days=6), number=9_999, state=HubState.CHECKIN, backlog=0,
    )  # fmt: skip
    insert_check_ins(conn, [first])
    conn.commit()
    rows = re.findall(r'<th scope="row"[^>]*>([^<]+)</th>(.*?)</tr>', clara.get("/homes/K7").text, re.DOTALL)
    cells = {day: re.findall(r"<td[^>]*>([^<]*)</td>", row) for day, row in rows}
    assert cells["Fri 6 Mar"][0] == "0%: could not observe"
    assert set(cells["Fri 6 Mar"][1:]) == {"–"}
    assert cells["Wed 11 Feb"][0] == "not installed yet"
    assert set(cells["Wed 11 Feb"][1:]) == {"–"}
    assert cells["Tue 10 Mar"][0] == "100%"
    assert int(cells["Tue 10 Mar"][5]) > 10


def test_an_operator_sees_the_chart_but_not_the_name(olive: Browser, lived_in: World) -> None:
    text = olive.get("/homes/K7").text
    assert "24-hour chart" in text
    assert "Brown" not in text
    assert 'href="/homes/K7/equipment"' in text


def test_an_installer_has_no_business_with_somebodys_days(ian: Browser, lived_in: World) -> None:
    for path in ("/homes/K7", "/homes/K7/chart.json", "/homes/K7/chart.svg"):
        assert ian.get(path).status_code == 403


def test_an_outsider_does_not_learn_that_the_home_exists(charlie: Browser, lived_in: World) -> None:
    for path in ("/homes/K7", "/homes/K7/chart.json", "/homes/K7/chart.svg"):
        answer = charlie.get(path)
        assert answer.status_code == 404
        assert answer.text == charlie.get(path.replace("K7", "K8")).text.replace("K8", "K7")


def test_nobody_sees_anything_without_signing_in(visitor: Browser, lived_in: World) -> None:
    for path in ("/homes/K7", "/homes/K7/chart.json", "/homes/K7/chart.svg"):
        assert visitor.get(path).status_code == 303


def test_the_data_of_the_chart_is_one_specification(clara: Browser, lived_in: World) -> None:
    spec = clara.get("/homes/K7/chart.json").json()
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/v6")
    assert spec["width"] == "container"
    assert len(spec["datasets"]["rows"]) == 28
    assert {m["what"] for m in spec["datasets"]["segments"]} >= {"Kitchen", "In bed", "Could not be observed"}


def test_the_picture_is_an_svg(clara: Browser, lived_in: World) -> None:
    answer = clara.get("/homes/K7/chart.svg?weeks=1")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")


def test_scripts_come_from_us_and_none_stands_in_the_page(clara: Browser, lived_in: World) -> None:
    page = clara.get("/homes/K7")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert all(tag.startswith("<script") and 'src="/static/' in tag for tag in re.findall(r"<script[^>]*>", page.text))
    assert "style=" not in page.text
    assert "<style" not in page.text


@pytest.mark.parametrize(
    ("query", "rows", "first"),
    [
        ("?weeks=1", 7, "Wed 4 Mar"),
        ("?weeks=8", 56, "Wed 14 Jan"),
        ("?weeks=2&until=2026-03-01", 14, "Mon 16 Feb"),
        ("?until=2030-01-01&weeks=1", 7, "Wed 4 Mar"),  # nothing lies ahead: today is as late as it gets
        ("?weeks=1&view=night", 7, "Wed 4 Mar"),
        ("?until=1066-10-14&weeks=1", 7, "Sat 26 Dec"),
    ],
)
def test_weeks_and_days_are_chosen_in_the_address(
    clara: Browser, lived_in: World, query: str, rows: int, first: str
) -> None:
    found = re.findall(r'<th scope="row"[^>]*>([^<]+)</th>', clara.get(f"/homes/K7{query}").text)
    assert (len(found), found[0]) == (rows, first)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?weeks=3", "The chart can show 1, 2, 4 or 8 weeks."),
        ("?weeks=a<b>", "The chart can show 1, 2, 4 or 8 weeks."),
        ("?until=tomorrow", "The last day of the chart must be a date such as 2026-03-27."),
        ("?view=week", "A row of the chart can be a day or a night."),
        ("?room=cellar", "The chart knows no room of this name."),
    ],
)
def test_what_the_chart_cannot_show_is_said_in_plain_words(
    clara: Browser, lived_in: World, query: str, words: str
) -> None:
    answer = clara.get(f"/homes/K7{query}")
    assert answer.status_code == 422
    assert words in answer.text
    assert "<b>" not in answer.text


def test_earlier_and_later_keep_what_was_chosen(clara: Browser, lived_in: World) -> None:
    text = clara.get("/homes/K7?weeks=2&view=night&room=kitchen").text
    earlier = re.search(r'href="([^"]+)">Earlier<', text)
    assert earlier is not None
    assert earlier[1] == "?weeks=2&amp;until=2026-02-24&amp;view=night&amp;room=kitchen#chart"
    assert ">Later<" not in text
    assert ">Later<" in clara.get("/homes/K7?weeks=2&until=2026-02-24").text


def test_a_finding_that_joined_an_episode_names_the_one_that_people_were_told_of(
    clara: Browser, lived_in: World, conn: Conn
) -> None:
    first = deviations_between(conn, lived_in.home.id, lived_in.now - timedelta(days=2), lived_in.now)[0]
    second = replace(
        first, id=finding_id("K7", "dwell", lived_in.now), kind=DeviationKind.DWELL, grade=Grade.NOTICE,
        raised_at=first.raised_at + timedelta(minutes=1), ended_at=lived_in.now + timedelta(minutes=2),
        evidence={EPISODE: str(first.id), GRADE_ALONE: "attention", "what": "out_of_bed"},
    )  # fmt: skip
    save_deviation(conn, second)
    conn.commit()
    text = clara.get("/homes/K7").text
    assert "Out of bed for unusually long" in text
    assert "The same situation as number 1, of which people were told." in text


def test_a_noted_absence_stands_on_the_chart_and_in_the_table(clara: Browser, lived_in: World, conn: Conn) -> None:
    now = lived_in.now
    add_absence(
        conn, lived_in.home.id, from_at=now - timedelta(days=2), until_at=now - timedelta(days=1), reason="hospital",
        noted_by="Sam",
    )  # fmt: skip
    conn.commit()
    assert "; known to be away" in clara.get("/homes/K7").text
    drawn = clara.get("/homes/K7/chart.json").json()["datasets"]["absences"]
    assert {mark["what"] for mark in drawn} == {"Known to be away: hospital"}


def test_a_home_that_never_spoke_is_shown_as_not_observed(olive: Browser, lived_in: World, conn: Conn) -> None:
    conn.execute("UPDATE hub SET state = 'never_heard', last_heard_at = NULL WHERE home_id = %s", (lived_in.home.id,))
    conn.execute("DELETE FROM hub_check_in")
    conn.execute("DELETE FROM sensor_event")
    conn.execute("DELETE FROM intake_day")
    conn.execute("DELETE FROM routine")
    conn.commit()
    text = olive.get("/homes/K7").text
    assert "This home cannot be observed: its hub has not been heard." in text
    assert "Nothing has been learned of this home yet" in text
    assert "nothing has been yet" in text
    assert "not installed yet" in text
    assert olive.get("/homes/K7/chart.json").status_code == 200
