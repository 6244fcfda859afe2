"""Which services are missed, and for which homes: several workers of one service are seen separately."""

from datetime import UTC, datetime, timedelta

from api.pages.services import WorkerState, late_services, unserved_words, worker_states
from store.oversight import ServiceSeen
from store.partition import parse_partitions, worker_name

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LATE = timedelta(minutes=2)


def seen(service: str, partitions: str = "", *, ago: float = 5.0) -> ServiceSeen:
    served = parse_partitions(partitions) if partitions else None
    name = service if served is None else worker_name(service, served)
    return ServiceSeen(service=name, seen_at=NOW - timedelta(seconds=ago), note="", partitions=served)


def late(*workers: ServiceSeen) -> dict[str, datetime | None]:
    others = [seen("alerts"), seen("anomaly")]
    found = late_services([*workers, *others], now=NOW, tolerance=LATE)
    return {entry.service: entry.seen_at for entry in found}


def test_two_workers_that_share_the_homes_are_all_that_is_needed() -> None:
    assert late(seen("ingest", "00-31"), seen("ingest", "32-63")) == {}
    assert late(seen("ingest")) == {}


def test_partitions_nobody_serves_are_named() -> None:
    dead = seen("ingest", "32-63", ago=600)
    assert late(seen("ingest", "00-31"), dead) == {"ingest 32-63": dead.seen_at}
    assert late(seen("ingest", "00-15"), seen("ingest", "20-63")) == {"ingest 16-19": None}
    assert late() == {"ingest": None}
    assert unserved_words([seen("ingest", "00-31")], "ingest", now=NOW, tolerance=LATE) == "32-63"
    assert unserved_words([seen("ingest")], "ingest", now=NOW, tolerance=LATE) == "none"


def test_a_worker_whose_homes_others_have_taken_is_not_missed() -> None:
    before = seen("ingest", ago=86_400)
    workers = [before, seen("ingest", "00-31"), seen("ingest", "32-63")]
    assert late(*workers) == {}
    states = worker_states(workers, now=NOW, tolerance=LATE)
    assert states == {
        "ingest": WorkerState.REPLACED,
        "ingest 00-31": WorkerState.WORKS,
        "ingest 32-63": WorkerState.WORKS,
    }


def test_a_worker_whose_homes_nobody_has_is_silent() -> None:
    workers = [seen("anomaly", "00-31"), seen("anomaly", "32-63", ago=600), seen("alerts", ago=600)]
    states = worker_states(workers, now=NOW, tolerance=LATE)
    assert states["anomaly 32-63"] is WorkerState.SILENT
    assert states["alerts"] is WorkerState.SILENT
