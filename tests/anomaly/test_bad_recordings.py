"""Recordings and home files as other people have them: refused with the reason, judged, or honestly not judged.

Of each of these homes the life is ordinary. So a finding that reaches people about the resident would be made up.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from anomaly.scorecard.card import scorecard
from anomaly.scorecard.figures import ABSENCE_KINDS
from anomaly.scorecard.homes import read_recorded_home, recorded_homes
from anomaly.scorecard.report import table
from anomaly.scorecard.trial import Trial, tried
from deploy.cli import main
from store.home_file import InputError
from store.recording import HUB, Row
from tests.anomaly.conftest import FIRST_DAY, a_home, a_life

DAYS = 18
Lived = Iterator[Row] | list[Row]


def sensor(code: str, kind: str, room: str | None = None, **more: object) -> dict[str, object]:
    return {"id": code, "kind": kind, **({} if room is None else {"room": room}), **more}


def only(*codes: str, check_ins: bool = True) -> list[Row]:
    """An ordinary life as these sensors see it."""
    return [row for row in a_life(DAYS, check_ins=check_ins) if row.sensor in (*codes, HUB)]


def in_beds(codes: tuple[str, ...]) -> list[Row]:
    """Nights on the first mat, a nap on the last one, half an hour up at night; nothing else is seen."""
    rows = [row for row in a_life(DAYS) if row.sensor == HUB]
    for day in range(DAYS):
        for code, hour, value in (
            (codes[0], 3.0, 0.0), (codes[0], 3.2, 1.0), (codes[0], 7.1 + day % 3 / 10, 0.0),
            (codes[-1], 13.5, 1.0), (codes[-1], 14.5 + day % 2 / 5, 0.0), (codes[0], 22.5, 1.0),
        ):  # fmt: skip
            rows.append(Row(at=FIRST_DAY + timedelta(days=day, hours=hour), sensor=code, value=value))
    return sorted(rows, key=lambda row: row.at)


def chattering() -> list[Row]:
    """A door contact in the lounge that opens and closes 18,000 times within five hours of the fourteenth day."""
    begin = FIRST_DAY + timedelta(days=14, hours=9)
    noise = [Row(at=begin + timedelta(seconds=i), sensor="C1", value=float(i % 2)) for i in range(18_000)]
    return sorted([*a_life(DAYS), *noise], key=lambda row: row.at)


def with_a_gap() -> list[Row]:
    """Two and a half days of which nothing was kept, the hub's check-ins neither."""
    begin = FIRST_DAY + timedelta(days=13, hours=5)
    return [row for row in a_life(DAYS) if not begin <= row.at < begin + timedelta(hours=60)]


MOTION = a_home().model_dump(mode="json", by_alias=True)["sensors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A home that is not as one would wish."""

    sensors: list[dict[str, object]]
    lived: Callable[[], Lived]


ODD = {
    "one movement sensor": Odd(sensors=[sensor("M-lounge", "motion", "lounge")], lived=lambda: only("M-lounge")),
    "one sensor without check-ins": Odd(
        sensors=[sensor("M-lounge", "motion", "lounge")], lived=lambda: only("M-lounge", check_ins=False)
    ),
    "the front door alone": Odd(sensors=[sensor("D1", "door", "hall", exit=True)], lived=lambda: only("D1")),
    "doors without an exit": Odd(
        sensors=[sensor("M-kitchen", "door", "kitchen"), sensor("M-bathroom", "door", "bathroom")],
        lived=lambda: only("M-kitchen", "M-bathroom"),
    ),
    "one bed": Odd(sensors=[sensor("B1", "bed", "bedroom")], lived=lambda: in_beds(("B1",))),
    "two beds and no movement sensor": Odd(
        sensors=[sensor("B1", "bed", "bedroom"), sensor("B2", "bed", "lounge")], lived=lambda: in_beds(("B1", "B2"))
    ),
    "no rooms": Odd(
        sensors=[{k: v for k, v in each.items() if k not in ("room", "exit")} for each in MOTION],
        lived=lambda: a_life(DAYS),
    ),
    "no exit": Odd(sensors=[{**each, "exit": False} for each in MOTION], lived=lambda: a_life(DAYS)),
    "rooms that nobody knows": Odd(
        sensors=[{**each, "room": f"Zimmer {i}"} for i, each in enumerate(MOTION)], lived=lambda: a_life(DAYS)
    ),
    "a gap": Odd(sensors=MOTION, lived=with_a_gap),
    "a chattering contact": Odd(sensors=[*MOTION, sensor("C1", "door", "lounge")], lived=chattering),
    "a thermometer only": Odd(
        sensors=[sensor("T1", "temperature", "lounge")],
        lived=lambda: [
            Row(at=FIRST_DAY + timedelta(minutes=30 * i), sensor="T1", value=20.5) for i in range(48 * DAYS)
        ],
    ),
    "no sensor that ever spoke": Odd(sensors=MOTION, lived=lambda: only()),
}


def written(folder: Path, odd: Odd) -> Path:
    """The recording of this home, its home file beside it."""
    home = a_home(sensors=odd.sensors)
    (folder / "odd.home.json").write_text(home.model_dump_json(by_alias=True))
    lines = (f"{row.at.isoformat()},{row.sensor},{row.value}" for row in odd.lived())
    (folder / "odd.csv").write_text("\n".join(["time,sensor,value", *lines]) + "\n")
    return folder / "odd.csv"


@pytest.mark.parametrize("name", list(ODD))
def test_replay_makes_nothing_up_about_an_ordinary_life(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = written(tmp_path, ODD[name])
    assert main(["replay", str(recording), "--home", str(tmp_path / "odd.home.json")]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [f for f in found if f["type"] == "deviation" and f["grade"] != "notice"]
    assert [(f["kind"], f["raised_at"], f["explanation"]) for f in told if f["kind"] != "cannot_observe"] == []


@pytest.mark.parametrize(
    "name", ["one sensor without check-ins", "two beds and no movement sensor", "no exit", "a gap"]
)
def test_the_scorecard_judges_it_or_says_that_it_cannot(name: str, tmp_path: Path) -> None:
    written(tmp_path, ODD[name])
    home = read_recorded_home(recorded_homes(tmp_path)[0])
    made = tried(home, Trial(incidents=2, warm_up=timedelta(days=9), gradual=False))
    card = scorecard([made])
    assert not [t for t in made.told if t.reaches_people and t.kind in ABSENCE_KINDS]
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    words = table("odd", card)
    assert "cannot judge K7" in words if not made.days else "false/month" in words or not made.outcomes


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_of_a_recording_of_minutes_nothing_is_judged(rows: int, tmp_path: Path) -> None:
    written(tmp_path, Odd(sensors=MOTION, lived=lambda: list(a_life(1))[:rows]))
    made = tried(read_recorded_home(recorded_homes(tmp_path)[0]), Trial(incidents=4, gradual=True))
    card = scorecard([made])
    assert card["cannot_be_judged"] == ["K7"]
    assert "cannot judge K7" in table("odd", card)
    assert made.told == ()


def _spoilt(lines: list[str], how: str) -> list[str]:
    if how == "days out of order":
        return [lines[0], *lines[2000:], *lines[1:2000]]
    return {
        "a sensor nobody knows": [*lines, "2026-02-25T00:00:00+00:00,M-attic,1"],
        "no time": [*lines[:9], "yesterday,M-hall,1", *lines[9:]],
        "no value": [*lines[:9], "2026-01-05T09:00:00+00:00,M-hall,perhaps", *lines[9:]],
        "another header": ["when,what,how", *lines[1:]],
        "nothing in it": lines[:1],
        "empty": [],
    }[how]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("days out of order", "odd.csv:"),
        ("a sensor nobody knows", "sensor 'M-attic' is not in the home file"),
        ("no time", "odd.csv:10: not a time: 'yesterday'"),
        ("no value", "odd.csv:10: not a value of a motion sensor: 'perhaps'"),
        ("another header", "odd.csv:1: the first line must be"),
        ("nothing in it", "odd.csv: holds no row"),
        ("empty", "odd.csv:1: the first line must be"),
    ],
)
def test_a_recording_that_cannot_be_read_is_refused_with_file_line_and_reason(
    how: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = written(tmp_path, ODD["no exit"])
    recording.write_text("\n".join(_spoilt(recording.read_text().splitlines(), how)) + "\n")
    assert main(["scorecard", str(tmp_path), "--homes", "0", "--jobs", "1"]) == 2
    said = capsys.readouterr()
    assert reason in said.err
    assert said.out == ""
    if how != "nothing in it":  # an hour in which nothing came is no mistake of a replay
        assert main(["replay", str(recording), "--home", str(tmp_path / "odd.home.json")]) == 2
        assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("home", "reason"),
    [
        ({"sensors": [{"id": "X", "kind": "telepathy", "room": "hall"}]}, "sensors[0] (X).kind"),
        ({"sensors": [{"kind": "motion", "room": "hall"}]}, "sensors[0].id"),
        ({"sensors": None}, "sensors"),
        ({"time_zone": "Europe/Atlantis"}, "not an IANA time zone"),
        ({"residents": 0}, "residents"),
    ],
)
def test_a_home_file_that_says_nonsense_is_refused_before_any_work(
    home: dict[str, object], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = written(tmp_path, replace(ODD["no exit"], lived=lambda: list(a_life(1))))
    given = json.loads((tmp_path / "odd.home.json").read_text())
    (tmp_path / "odd.home.json").write_text(json.dumps({**given, **home}))
    for words in (
        ["scorecard", str(tmp_path), "--homes", "48", "--jobs", "1"],  # at once: not after 48 homes
        ["replay", str(recording), "--home", str(tmp_path / "odd.home.json")],
    ):
        assert main(words) == 2
        assert reason in capsys.readouterr().err


def test_a_folder_without_homes_or_with_one_that_has_no_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no NAME"):
        recorded_homes(tmp_path)
    (tmp_path / "a.home.json").write_text("{}")
    with pytest.raises(InputError, match=r"no a\.csv\.gz or a\.csv beside it"):
        recorded_homes(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        recorded_homes(tmp_path / "none")
