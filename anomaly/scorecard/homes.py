"""What is evaluated: homes with their rows, from a folder of recordings or from whoever makes them up.

A recording without hub rows counts as always observable, so the scorecard writes the check-ins that this means: only
then can the hub fail in a technical twin. Not here: simulated homes (`deploy.evaluation_homes`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from store.home_file import HomeFile, InputError, read_home_file
from store.hub import HubState
from store.recording import HUB, Row, read_recording

_HOME, _RECORDING = ".home.json", (".csv.gz", ".csv")


@dataclass(frozen=True, slots=True)
class Stay:
    """Where the resident really was, and what for. Known of simulated homes only."""

    start: float  # epoch seconds
    end: float
    place: str  # a room, or "out"
    doing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A slow change that the home has of itself."""

    kind: str
    begins: float  # epoch seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedHome:
    """One home, with everything its sensors and its hub said, oldest first."""

    file: HomeFile
    rows: list[Row]
    people: list[bool] | None = None  # for each row: caused by a person? None: whatever is no measurement
    stays: tuple[Stay, ...] | None = None  # None: nobody knows
    changes: tuple[Change, ...] = ()

    def caused(self) -> list[bool]:
        """For each row: would it be missing if nobody moved?"""
        if self.people is not None:
            return self.people
        measured = {sensor.id for sensor in self.file.sensors if sensor.kind.is_measurement}
        return [row.sensor != HUB and row.sensor not in measured for row in self.rows]

    @property
    def days(self) -> float:
        """From the first row to the last."""
        return (self.rows[-1].at - self.rows[0].at) / timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHome:
    """Where a recorded home stands on disk."""

    name: str
    home: Path
    recording: Path


def recorded_homes(folder: Path) -> list[RecordedHome]:
    """Every NAME.home.json with its NAME.csv.gz (or .csv), by name. Raises `InputError` if there is none."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder")
    found = []
    for home in sorted(folder.glob(f"*{_HOME}")):
        name = home.name.removesuffix(_HOME)
        beside = [folder / f"{name}{ending}" for ending in _RECORDING]
        recording = next((path for path in beside if path.is_file()), None)
        if recording is None:
            raise InputError(home, f"there is no {name}.csv.gz or {name}.csv beside it")
        found.append(RecordedHome(name=name, home=home, recording=recording))
    if not found:
        raise InputError(folder, f"holds no NAME{_HOME} with a NAME.csv.gz")
    return found


def read_recorded_home(recorded: RecordedHome) -> EvaluatedHome:
    """Raises `InputError` with file, line and reason."""
    file = read_home_file(recorded.home)
    rows = list(read_recording(recorded.recording, file))
    if not rows:
        raise InputError(recorded.recording, "holds no row")
    if not any(row.sensor == HUB for row in rows):
        rows = with_check_ins(rows, file.check_in_interval)
    return EvaluatedHome(file=file, rows=rows)


def with_check_ins(rows: list[Row], interval: timedelta) -> list[Row]:
    """The same with a hub that speaks regularly from the first row to the last."""
    said = check_ins(rows[0].at, rows[-1].at, interval)
    return sorted([*rows, *said], key=lambda row: row.at)


def check_ins(start: datetime, end: datetime, interval: timedelta) -> Iterator[Row]:
    """What a healthy hub says in [start, end]."""
    at = start
    while at <= end:
        yield Row(at=at, sensor=HUB, value=HubState.CHECKIN)
        at += interval
