"""Homes and results made by hand, so that a scorecard can be worked out on paper."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from anomaly.clock_bins import Floats
from anomaly.scorecard.homes import EvaluatedHome, Stay, check_ins
from anomaly.scorecard.incidents import Incident, IncidentKind, Twin
from anomaly.scorecard.trial import HomeResult, Outcome, Told
from store.home_file import HomeFile
from store.recording import Row

FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday; London keeps UTC in winter


def steady_home(days: int = 12, *, code: str = "S1") -> EvaluatedHome:
    """A drawer that somebody opens every half hour, day and night, and a thermometer; the hub never fails."""
    file = HomeFile.model_validate({
        "id": code, "time_zone": "Europe/London", "checkin_minutes": 5,
        "sensors": [
            {"id": "D1", "kind": "door", "room": "lounge"},
            {"id": "T1", "kind": "temperature", "room": "lounge"},
        ],
    })  # fmt: skip
    end = FIRST + timedelta(days=days)
    rows = list(check_ins(FIRST, end, timedelta(minutes=5)))
    at = FIRST
    while at < end:
        rows.append(Row(at=at, sensor="D1", value=1.0))
        rows.append(Row(at=at + timedelta(minutes=7), sensor="T1", value=20.5))
        at += timedelta(minutes=30)
    rows.sort(key=lambda row: row.at)
    hour = 3600.0
    stays = tuple(
        Stay(
            FIRST.timestamp() + (24 * day + begin) * hour, FIRST.timestamp() + (24 * day + begin + 1) * hour, where, how
        )
        for day in range(days)
        for begin, where, how in ((8, "kitchen", "cook"), (13, "lounge", "sit"), (19, "lounge", "read"))
    )
    return EvaluatedHome(file=file, rows=rows, stays=stays)


def incident(kind: IncidentKind = IncidentKind.COLLAPSE, *, at: float = 1e9) -> Incident:
    return Incident(kind=kind, at=at, part="day", place="lounge", seed=1)


def told(kind: str, *, at: float, grade: str = "attention", id: str | None = None) -> Told:
    return Told(id=id or f"{kind}/{at}", kind=kind, grade=grade, at=at, once_in_days=40.0)


def outcome(
    *,
    kind: IncidentKind = IncidentKind.COLLAPSE,
    twin: Twin | None = None,
    said: Sequence[Told] = (),
    scores: Sequence[tuple[float, float]] = (),
    before: Sequence[Told] = (),
) -> Outcome:
    """`scores`: (minutes, score) of a method named m."""
    trace = np.array([m for m, _ in scores], np.float64), np.array([s for _, s in scores], np.float64)
    return Outcome(incident=incident(kind), twin=twin, told=tuple(said), open_before=tuple(before), traces={"m": trace})


def result(
    *,
    code: str = "H1",
    days: float = 60.0,
    said: Sequence[Told] = (),
    peaks: Sequence[tuple[float, float]] = (),
    outcomes: Sequence[Outcome] = (),
    daily_once: Sequence[float] = (),
    nights: Floats | None = None,
) -> HomeResult:
    return HomeResult(
        code=code,
        days=days,
        warm_up_days=28.0,
        told=tuple(said),
        peaks={"m": np.array(peaks, dtype=np.float64).reshape(-1, 2)},
        daily_once=np.array(daily_once),
        nights=np.zeros((0, 2)) if nights is None else nights,
        has_bed_sensor=False,
        outcomes=tuple(outcomes),
        changes=(),
        residents=1,
        zone=ZoneInfo("Europe/London"),
        seconds=0.0,
    )
