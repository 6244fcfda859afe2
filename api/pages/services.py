"""Which services have not proved lately that they work. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from store.oversight import ServiceSeen

EXPECTED: dict[str, str] = {  # service: what stands still without it
    "ingest": "nothing that the homes report is being taken in",
    "anomaly": "nothing is being checked against the usual routine, and no new alert can arise",
    "alerts": "nobody is being told of alerts and replies by text are not acted on",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LateService:
    """A service that is needed and has not been heard from."""

    service: str
    seen_at: datetime | None
    meaning: str


def late_services(seen: Sequence[ServiceSeen], *, now: datetime, tolerance: timedelta) -> list[LateService]:
    """The expected services that were last seen longer ago than `tolerance`, or never."""
    last = {entry.service: entry.seen_at for entry in seen}
    return [
        LateService(service=service, seen_at=last.get(service), meaning=meaning)
        for service, meaning in EXPECTED.items()
        if service not in last or now - last[service] > tolerance
    ]
