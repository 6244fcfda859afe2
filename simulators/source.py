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
    dead = [
        (incident.sensor, incident.start.timestamp(), incident.until.timestamp() if incident.until else float("inf"))
        for incident in incidents
        if incident.kind is IncidentKind.SENSOR_DEAD
    ]

    def readings(start: float) -> Iterator[Reading]:
        senses = Senses(resident.kit, dialect=dialect)
        # A bed that is pressed through a long cut was pressed before it.
        run_up_from = min([start, *(cut.start for cut in resident_cuts if cut.start < start <= cut.until)])
        day = datetime.fromtimestamp(run_up_from, UTC).astimezone(resident.zone).date() - _RUN_UP
        while True:
            lived = waking_day(resident, day)
            found = senses.feel(suffer(lived, resident_cuts), until=lived.end)
            found += temperatures(resident.kit, seed=resident.seed, start=lived.start, end=lived.end)
            found.sort()
            for reading in found:
                if reading.at >= start and not any(
                    code == reading.sensor and since <= reading.at < until for code, since, until in dead
                ):
                    yield reading
            day += timedelta(days=1)

    return readings
