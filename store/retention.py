"""How long what is kept for: one place for the settings, and the deletion where the database does not do it itself.

On TimescaleDB, whole chunks of events, check-ins and figures are dropped by its own policies (`store.timescale`); there
`forget_old` does only the ordinary tables. Not here: erasing a home, which is a decision and no matter of age.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field, field_validator

from store.database import Conn
from store.settings import Settings
from store.timescale import Kind, Policies, database_kind

AT_ONCE = 20_000  # rows of a table in one transaction: short enough to disturb nobody
_HOMES_AT_ONCE = 1_000
CLOCKS_KEPT = timedelta(days=60)  # of a hub's earlier boots, after anything new was learned of them


class KeepSettings(Settings):
    """How long what is kept. In days; 0 keeps for ever."""

    keep_events_days: float = Field(default=0, ge=0, description="Sensor events. At least 60 if not 0.")
    keep_check_ins_days: float = Field(default=0, ge=0, description="Hubs' check-ins. At least 60 if not 0.")
    keep_activity_days: float = Field(
        default=0,
        ge=0,
        description="Figures per quarter hour, which TimescaleDB keeps when their events are gone. On plain PostgreSQL "
        "they are computed from the events and go with them.",
    )
    keep_rejected_days: float = Field(default=30, gt=0, description="Messages that could not be taken.")
    compress_after_days: float = Field(
        default=7, ge=1, description="TimescaleDB packs a day of events when it is older than this."
    )

    @field_validator("keep_events_days", "keep_check_ins_days", "keep_activity_days")
    @classmethod
    def _is_enough_to_learn_from(cls, days: float) -> float:
        # The chart shows four weeks and the model is rebuilt from the log when its snapshot cannot be read.
        if 0 < days < 60:
            raise ValueError("must be 0 (for ever) or at least 60 days: charts and the learned routine need as much")
        return days

    @property
    def policies(self) -> Policies:
        """The same for a database that does it by itself."""
        return Policies(
            compress_after=timedelta(days=self.compress_after_days),
            keep_events=_or_for_ever(self.keep_events_days),
            keep_check_ins=_or_for_ever(self.keep_check_ins_days),
            keep_activity=_or_for_ever(self.keep_activity_days),
        )


def _or_for_ever(days: float) -> timedelta | None:
    return timedelta(days=days) if days else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What one call deleted, in rows."""

    events: int
    check_ins: int
    rejected: int
    clocks: int = 0  # of hubs' earlier boots
    is_more: bool  # there may be more: call again soon, in another transaction


def forget_old(conn: Conn, *, settings: KeepSettings, now: datetime, at_once: int = AT_ONCE) -> Forgotten:
    """Delete what is older than it may be, at most `at_once` rows of a table. The caller commits, and asks `is_more`.

    Cheap when there is nothing to do: meant to be called every hour by one worker.
    """
    events = check_ins = 0
    if database_kind(conn) is Kind.PLAIN:
        if settings.keep_events_days:
            events = _forget_events(conn, before=now - timedelta(days=settings.keep_events_days), at_once=at_once)
        if settings.keep_check_ins_days:
            check_ins = _forget_check_ins(
                conn, before=now - timedelta(days=settings.keep_check_ins_days), at_once=at_once
            )
    if settings.keep_events_days and settings.keep_check_ins_days:
        days = max(settings.keep_events_days, settings.keep_check_ins_days)
        _forget_days(conn, before=now - timedelta(days=days))
    rejected = _forget_rejected(conn, before=now - timedelta(days=settings.keep_rejected_days), at_once=at_once)
    clocks = _forget_clocks(conn, before=now - CLOCKS_KEPT, at_once=at_once)
    is_more = max(events, check_ins, rejected, clocks) >= at_once
    return Forgotten(events=events, check_ins=check_ins, rejected=rejected, clocks=clocks, is_more=is_more)


def _homes_with_old_rows(conn: Conn, *, before: datetime) -> list[list[int]]:
    """In groups; so that the tables themselves are asked by home, as their index has it."""
    rows = conn.execute(
        """
        SELECT DISTINCT home_id FROM intake_day WHERE earliest_at < %(before)s ORDER BY home_id
        """,
        {"before": before},
    ).fetchall()
    found = [home_id for (home_id,) in rows]
    return [found[at : at + _HOMES_AT_ONCE] for at in range(0, len(found), _HOMES_AT_ONCE)]


def _forget_events(conn: Conn, *, before: datetime, at_once: int) -> int:
    deleted = 0
    for homes in _homes_with_old_rows(conn, before=before):
        deleted += conn.execute(
            """
            DELETE FROM sensor_event AS event
             USING (SELECT home_id, occurred_at, number FROM sensor_event
                     WHERE home_id = ANY(%(homes)s) AND occurred_at < %(before)s LIMIT %(limit)s) AS old
             WHERE event.home_id = old.home_id AND event.occurred_at = old.occurred_at AND event.number = old.number
            """,
            {"homes": homes, "before": before, "limit": at_once - deleted},
        ).rowcount
        if deleted >= at_once:
            break
    return deleted


def _forget_check_ins(conn: Conn, *, before: datetime, at_once: int) -> int:
    deleted = 0
    for homes in _homes_with_old_rows(conn, before=before):
        deleted += conn.execute(
            """
            DELETE FROM hub_check_in AS check_in
             USING (SELECT home_id, occurred_at, number FROM hub_check_in
                     WHERE home_id = ANY(%(homes)s) AND occurred_at < %(before)s LIMIT %(limit)s) AS old
             WHERE check_in.home_id = old.home_id AND check_in.occurred_at = old.occurred_at
               AND check_in.number = old.number
            """,
            {"homes": homes, "before": before, "limit": at_once - deleted},
        ).rowcount
        if deleted >= at_once:
            break
    return deleted


def _forget_days(conn: Conn, *, before: datetime) -> None:
    """What the numbers of rows that are gone were about; a home's newest stays, because it is still being written."""
    conn.execute(
        """
        DELETE FROM intake_day AS old
         WHERE old.latest_at <= %(before)s
           AND EXISTS (SELECT FROM intake_day AS next
                        WHERE next.home_id = old.home_id AND next.first_number > old.first_number)
           AND NOT EXISTS (SELECT FROM intake_day AS kept
                            WHERE kept.home_id = old.home_id AND kept.first_number < old.first_number
                              AND kept.latest_at > %(before)s)
        """,
        {"before": before},
    )


def _forget_rejected(conn: Conn, *, before: datetime, at_once: int) -> int:
    conn.execute("DELETE FROM rejected_hour WHERE hour < %(before)s", {"before": before})
    return conn.execute(
        """
        DELETE FROM rejected_message
         WHERE id IN (SELECT id FROM rejected_message WHERE received_at < %(before)s
                       ORDER BY received_at LIMIT %(limit)s)
        """,
        {"before": before, "limit": at_once},
    ).rowcount


def _forget_clocks(conn: Conn, *, before: datetime, at_once: int) -> int:
    """What the clocks of a hub's earlier boots were worth, once no reading can come that would need it.

    The hub has been heard in a later boot; the numbers of this one are forgotten (`intake.forget_boots`, after longer
    than any hub is away with readings that it still holds); and none of its readings is missed. The clock of a hub that
    names no boot ('') is that of today, and stays.
    """
    return conn.execute(
        """
        DELETE FROM hub_clock AS old
         USING (SELECT home_id, boot
                  FROM hub_clock
                 WHERE boot <> '' AND updated_at < %(before)s
                   AND EXISTS (SELECT FROM hub_sequence AS later
                                WHERE later.home_id = hub_clock.home_id AND later.boot <> hub_clock.boot
                                  AND later.updated_at > hub_clock.updated_at)
                   AND NOT EXISTS (SELECT FROM hub_sequence AS own
                                    WHERE own.home_id = hub_clock.home_id AND own.boot = hub_clock.boot)
                   AND NOT EXISTS (SELECT FROM hub_gap
                                    WHERE hub_gap.home_id = hub_clock.home_id AND hub_gap.boot = hub_clock.boot
                                      AND NOT is_lost)
                 LIMIT %(limit)s
                   FOR UPDATE SKIP LOCKED) AS gone
         WHERE old.home_id = gone.home_id AND old.boot = gone.boot
        """,
        {"before": before, "limit": at_once},
    ).rowcount
