"""The readings of a pretend home from any instant on: resident, incidents and sensors put together.

A stream that is started later, or again, says exactly what the first one would have said: this is what lets the hub's
history and its live readings continue each other, and a world that was killed go on as if nothing had been.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from simulators.resident import Resident, waking_day
from simulators.scenarios import Incident, IncidentKind, cuts, suffer
from simulators.sensing import Reading, Senses, temperatures

Source = Callable[[float], Iterator[Reading]]  # from this epoch second on (inclusive), oldest first

_RUN_UP = timedelta(days=2)  # so that the sensors' states are right at the first instant asked for


def resident_source(resident: Resident, incidents: Sequence[Incident] = (), *, dialect: str = "native") -> Source:
    """What this resident's sensors say, for ever."""
    resident_cuts = cuts(resident, incidents)
    dead = [each for kind in _SILENT for each in _of(incidents, kind)]
    stuck = _of(incidents, IncidentKind.SENSOR_STUCK)
    cold = _of(incidents, IncidentKind.HEATING_OFF)

    def readings(start: float) -> Iterator[Reading]:
        senses = Senses(resident.kit, dialect=dialect)
        # A bed that is pressed through a long cut was pressed before it.
        run_up_from = min([start, *(cut.start for cut in resident_cuts if cut.start < start <= cut.until)])
        day = datetime.fromtimestamp(run_up_from, UTC).astimezone(resident.zone).date() - _RUN_UP
        while True:
            lived = waking_day(resident, day)
            found = senses.feel(suffer(lived, resident_cuts), until=lived.end)
            found += temperatures(resident.kit, seed=resident.seed, start=lived.start, end=lived.end, cold=cold)
            edges = [(at, code, on) for code, since, until in stuck for at, on in ((since, True), (until, False))]
            said_by_itself = [Reading(at, code, on) for at, code, on in edges if lived.start <= at < lived.end]
            found = sorted([*found, *said_by_itself])
            for reading in found:
                if reading.at >= start and (reading in said_by_itself or not _is_lost(reading, dead)):
                    yield reading
            day += timedelta(days=1)

    return readings


Stretch = tuple[str, float, float]  # sensor, and from when until when, epoch seconds
_SILENT = (IncidentKind.SENSOR_DEAD, IncidentKind.SENSOR_STUCK)


def _of(incidents: Sequence[Incident], kind: IncidentKind) -> list[Stretch]:
    return [
        (each.sensor, each.start.timestamp(), each.until.timestamp() if each.until else float("inf"))
        for each in incidents
        if each.kind is kind
    ]


def _is_lost(reading: Reading, dead: Sequence[Stretch]) -> bool:
    return any(code == reading.sensor and since <= reading.at < until for code, since, until in dead)
