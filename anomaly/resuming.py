"""How homes come into a worker's hands: what the database knows of them, and their models as they were saved.

Many homes are asked for together, because a worker that starts has all of them to take up.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from numpy.typing import NDArray

from anomaly.frontier import Frontier
from anomaly.home_model import HomeModel
from anomaly.plan import HomePlan, Limits, plan_of_home
from anomaly.state import StateError
from store.database import Conn
from store.feedback import feedback_of_homes
from store.home import Home, absences_of_homes, sensors_of_homes
from store.routine import RoutineSnapshot, latest_snapshots
from store.watching import watching_of_homes

log = logging.getLogger(__name__)

_ABSENCES_SINCE = timedelta(days=60)
_ABSENCES_AHEAD = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of one home."""

    plan: HomePlan
    snapshot: RoutineSnapshot | None


def plans_of(conn: Conn, homes: Collection[Home], *, now: datetime) -> dict[int, HomePlan]:
    """How these homes are described just now, and what people have said of them. Four queries, however many homes."""
    ids = [home.id for home in homes]
    sensors = sensors_of_homes(conn, ids)
    absences = absences_of_homes(conn, ids, now - _ABSENCES_SINCE, now + _ABSENCES_AHEAD)
    watching = watching_of_homes(conn, ids)
    feedback = feedback_of_homes(conn, ids, now=now)
    return {
        home.id: plan_of_home(
            home, sensors[home.id], absences[home.id], limits=Limits(), watching=watching[home.id][0],
            offset=watching[home.id][1], feedback=feedback[home.id], now=now,
        )
        for home in homes
    }  # fmt: skip


def kept_of(conn: Conn, homes: Collection[Home], *, now: datetime) -> dict[int, Kept]:
    """A few queries, however many homes. Raises if one of them cannot be described."""
    snapshots = latest_snapshots(conn, [home.id for home in homes])
    plans = plans_of(conn, homes, now=now)
    return {home_id: Kept(plan=plan, snapshot=snapshots.get(home_id)) for home_id, plan in plans.items()}


def resumed(
    home: Home, kept: Kept, *, arrays: Mapping[str, NDArray[Any]] | None = None
) -> tuple[HomeModel, Frontier, int]:
    """From the newest snapshot; from the beginning of the log if there is none this version can read.

    `arrays`: where a fleet keeps this home's counts.
    """
    snapshot = kept.snapshot
    if snapshot is not None:
        try:
            frontier, state = Frontier.from_bytes(snapshot.state)
            model = HomeModel(kept.plan, state, arrays=arrays)
            model.change_plan(kept.plan)  # it may have been another one when the state was saved
            return model, frontier, snapshot.number
        except StateError as exc:
            log.warning("home %s learns anew from its events: %s", home.code, exc, extra={"home_id": home.id})
    return HomeModel(kept.plan, arrays=arrays), Frontier(), 0
