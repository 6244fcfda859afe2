"""What hubs and sensors say of themselves day by day: batteries and weak signals, kept for forecasts.

Not here: what follows from it (`anomaly.equipment`).
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from psycopg.rows import class_row

from store.database import Conn

HUB_ITSELF = 0  # in place of a sensor's id
WEAK_LINK_QUALITY = 40  # of 255; below, Zigbee sensors begin to lose messages, and Wi-Fi is worse than −92 dBm
WEAK_HUB_DBM = -80  # where Wi-Fi and mobile radio begin to fail
_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentDay:
    """One civil day of a hub (sensor_id `HUB_ITSELF`) or a sensor. There is one for each day it was heard on."""

    sensor_id: int
    day: date
    battery_percent: int | None  # said last
    weak_signal: list[int | None] | None  # by civil hour, the weakest; None: not weak then, or on the whole day


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCondition:
    """What the hub says of itself just now."""

    dialect: str
    last_heard_at: datetime | None
    backlog: int | None  # readings it still holds; None: not known
    battery_percent: int | None
    signal_dbm: int | None


def hub_condition(conn: Conn, home_id: int) -> HubCondition:
    """The hub of this home, which always has one."""
    with conn.cursor(row_factory=class_row(HubCondition)) as cur:
        found = cur.execute(
            "SELECT dialect, last_heard_at, backlog, battery_percent, signal_dbm FROM hub WHERE home_id = %(home_id)s",
            {"home_id": home_id},
        ).fetchone()
    assert found is not None
    return found


def note_equipment_day(conn: Conn, home_id: int, days: Collection[EquipmentDay]) -> None:
    """Keep what was said; a later battery replaces an earlier one of the day, and of each hour the weakest stays."""
    conn.cursor().executemany(
        """
        INSERT INTO equipment_day AS kept (home_id, sensor_id, day, battery_percent, weak_signal)
        VALUES (%(home_id)s, %(sensor_id)s, %(day)s, %(battery_percent)s, %(weak_signal)s)
            ON CONFLICT (home_id, sensor_id, day) DO UPDATE
           SET battery_percent = coalesce(excluded.battery_percent, kept.battery_percent),
               weak_signal = CASE WHEN excluded.weak_signal IS NULL THEN kept.weak_signal
                                  WHEN kept.weak_signal IS NULL THEN excluded.weak_signal
                                  ELSE ARRAY(SELECT least(a, b)
                                               FROM unnest(kept.weak_signal, excluded.weak_signal)
                                                    WITH ORDINALITY AS both_of (a, b, hour)
                                              ORDER BY hour) END
         WHERE (excluded.battery_percent IS NOT NULL
                AND excluded.battery_percent IS DISTINCT FROM kept.battery_percent)
            OR (excluded.weak_signal IS NOT NULL AND excluded.weak_signal IS DISTINCT FROM kept.weak_signal)
        """,
        [
            {
                "home_id": home_id,
                "sensor_id": said.sensor_id,
                "day": said.day,
                "battery_percent": said.battery_percent,
                "weak_signal": said.weak_signal,
            }
            for said in days
        ],
    )


def equipment_days(conn: Conn, home_id: int, since: date) -> list[EquipmentDay]:
    """The home's days from then on, by sensor and day."""
    with conn.cursor(row_factory=class_row(EquipmentDay)) as cur:
        return cur.execute(
            """
            SELECT sensor_id, day, battery_percent, weak_signal
              FROM equipment_day
             WHERE home_id = %(home_id)s AND day >= %(since)s
             ORDER BY sensor_id, day
            """,
            {"home_id": home_id, "since": since},
        ).fetchall()


def forget_equipment_days(conn: Conn, home_id: int, before: date) -> None:
    """Older ones say nothing of the battery that is in there now."""
    conn.execute(
        "DELETE FROM equipment_day WHERE home_id = %(home_id)s AND day < %(before)s",
        {"home_id": home_id, "before": before},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryForecast:
    """When a battery will be empty if it goes on like this: in nine of ten cases between `earliest` and `latest`."""

    sensor_id: int
    empty_on: date
    earliest: date
    latest: date | None  # None: not within a year
    points_per_day: float  # by which its charge falls
    rests_on_days: int


def save_battery_forecasts(conn: Conn, home_id: int, forecasts: Collection[BatteryForecast]) -> None:
    """These are the home's forecasts now; there are no others."""
    conn.execute(
        "DELETE FROM battery_forecast WHERE home_id = %(home_id)s AND NOT sensor_id = ANY(%(sensors)s)",
        {"home_id": home_id, "sensors": [found.sensor_id for found in forecasts]},
    )
    conn.cursor().executemany(
        """
        INSERT INTO battery_forecast AS kept
               (home_id, sensor_id, empty_on, earliest, latest, points_per_day, rests_on_days)
        VALUES (%(home_id)s, %(sensor_id)s, %(empty_on)s, %(earliest)s, %(latest)s, %(points_per_day)s,
                %(rests_on_days)s)
            ON CONFLICT (home_id, sensor_id) DO UPDATE
           SET empty_on = excluded.empty_on, earliest = excluded.earliest, latest = excluded.latest,
               points_per_day = excluded.points_per_day, rests_on_days = excluded.rests_on_days
         WHERE (kept.empty_on, kept.earliest, kept.latest, kept.rests_on_days)
               IS DISTINCT FROM (excluded.empty_on, excluded.earliest, excluded.latest, excluded.rests_on_days)
        """,
        [asdict(found) | {"home_id": home_id} for found in forecasts],
    )


def battery_forecasts(conn: Conn, home_id: int) -> dict[int, BatteryForecast]:
    """By sensor id, `HUB_ITSELF` for the hub."""
    with conn.cursor(row_factory=class_row(BatteryForecast)) as cur:
        rows = cur.execute(
            """
            SELECT sensor_id, empty_on, earliest, latest, points_per_day, rests_on_days
              FROM battery_forecast
             WHERE home_id = %(home_id)s
            """,
            {"home_id": home_id},
        ).fetchall()
    return {found.sensor_id: found for found in rows}


def worst_hours(days: Iterable[EquipmentDay], *, at_most: int = 3) -> list[int]:
    """The civil hours in which a link was weak most often, the worst first; of equals the earlier."""
    often = Counter(hour for each in days for hour, said in enumerate(each.weak_signal or []) if said is not None)
    return [hour for hour, _ in sorted(often.items(), key=lambda found: (-found[1], found[0]))[:at_most]]


def weak_hour(at: datetime, signal: int | None, *, weak_below: int) -> list[int | None] | None:
    """One sample as the day's 24 hours: None if it is not weak. `at` is civil time."""
    if signal is None or signal >= weak_below:
        return None
    hours: list[int | None] = [None] * _HOURS
    hours[at.hour] = signal
    return hours


def newest_boot(conn: Conn, home_id: int) -> str | None:
    """Which start of the hub told us something last; None if it numbers nothing."""
    row = conn.execute(
        "SELECT boot FROM hub_sequence WHERE home_id = %(home_id)s ORDER BY updated_at DESC LIMIT 1",
        {"home_id": home_id},
    ).fetchone()
    return None if row is None else str(row[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A sensor that nobody has placed: its bridge lists it, or messages of it are refused."""

    code: str
    since: datetime
    model: str  # '' if it is not listed


def unplaced_sensors(conn: Conn, home_id: int, *, now: datetime, within: timedelta) -> list[Unplaced]:
    """Sensors this home's bridge offers, and those of which messages were refused lately, by code.

    What is offered as `other` (a repeater, a remote control) is missed only once it says something.
    """
    with conn.cursor(row_factory=class_row(Unplaced)) as cur:
        return cur.execute(
            """
            SELECT code, min(since) AS since, max(model) AS model
              FROM (SELECT code, offered_at AS since, model FROM sensor_offer
                     WHERE home_id = %(home_id)s AND kind <> 'other'
                    UNION ALL
                    SELECT substring(detail FROM 'no sensor [''"](.*)[''"] in this home'), received_at, ''
                      FROM rejected_message
                     WHERE home_id = %(home_id)s AND reason = 'unknown_sensor' AND received_at > %(since)s) AS told
             WHERE code IS NOT NULL
               AND NOT EXISTS (SELECT FROM sensor WHERE sensor.home_id = %(home_id)s AND sensor.code = told.code)
             GROUP BY code
             ORDER BY code
            """,
            {"home_id": home_id, "since": now - within},
        ).fetchall()
