"""Which services have not proved lately that they work, and which partitions nobody serves. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from store.oversight import ServiceSeen
from store.partition import ALL, partitions_label, worker_name

EXPECTED: dict[str, str] = {  # service: what stands still without it
    "ingest": "nothing that the homes report is being taken in",
    "anomaly": "nothing is being checked against the usual routine, and no new alert can arise",
    "alerts": "nobody is being told of alerts and replies by text are not acted on",
}
PARTITIONED = ("ingest", "anomaly")  # services of which several workers may share the homes


@dataclass(frozen=True, slots=True, kw_only=True)
class LateService:
    """A service that is needed and has not been heard from; `ingest 32-63`: for these partitions of homes only."""

    service: str
    seen_at: datetime | None
    meaning: str


class WorkerState(StrEnum):
    """How a line of the status page begins."""

    WORKS = "works"
    REPLACED = "replaced"  # not heard from, but others have all that it had
    SILENT = "silent"


def late_services(seen: Sequence[ServiceSeen], *, now: datetime, tolerance: timedelta) -> list[LateService]:
    """The expected services that were last seen longer ago than `tolerance`, or never; wholly, or for the homes of
    some partitions.
    """
    late = []
    for service, meaning in EXPECTED.items():
        missing = unserved(seen, service, now=now, tolerance=tolerance)
        if missing:
            had = [entry.seen_at for entry in seen if entry.duty == service and _partitions(entry) & missing]
            late.append(
                LateService(service=worker_name(service, missing), seen_at=max(had, default=None), meaning=meaning)
            )
    return late


def unserved(seen: Sequence[ServiceSeen], service: str, *, now: datetime, tolerance: timedelta) -> frozenset[int]:
    """The partitions that no worker of this service has served within `tolerance`."""
    served: frozenset[int] = frozenset()
    for entry in seen:
        if entry.duty == service and now - entry.seen_at <= tolerance:
            served |= _partitions(entry)
    return ALL - served


def unserved_words(seen: Sequence[ServiceSeen], service: str, *, now: datetime, tolerance: timedelta) -> str:
    """The same for the page."""
    return partitions_label(unserved(seen, service, now=now, tolerance=tolerance)) or "none"


def worker_states(seen: Sequence[ServiceSeen], *, now: datetime, tolerance: timedelta) -> dict[str, WorkerState]:
    """How each service or worker is, by its name."""
    states = {}
    for entry in seen:
        if now - entry.seen_at <= tolerance:
            states[entry.service] = WorkerState.WORKS
        elif entry.duty in PARTITIONED and not (
            _partitions(entry) & unserved(seen, entry.duty, now=now, tolerance=tolerance)
        ):
            states[entry.service] = WorkerState.REPLACED
        else:
            states[entry.service] = WorkerState.SILENT
    return states


def _partitions(entry: ServiceSeen) -> frozenset[int]:
    return ALL if entry.partitions is None else entry.partitions
