"""Sensors that a bridge lists, or that report, and that nobody has named and placed yet. Read by `store.overview`."""

from collections.abc import Mapping
from datetime import datetime

from store.database import Conn
from store.home import SensorKind

MOST = 1_000  # offers of one home: a bridge holds a few dozen devices, and a broken one invents names for ever


def offer_sensors(conn: Conn, home_id: int, offers: Mapping[str, tuple[SensorKind, str]], *, now: datetime) -> None:
    """Note the offered sensors, code -> (kind, model), without those the home has. Old offers keep their time.

    An offer without a model is a guess by what the sensor said: it never replaces what a bridge's list told, nor a
    better guess by `other`. A home that has `MOST` offers gets no new ones.
    """
    conn.execute(
        """
        INSERT INTO sensor_offer (home_id, code, kind, model, offered_at)
        SELECT %(home_id)s, offered.code, offered.kind, offered.model, %(now)s
          FROM unnest(%(codes)s::text[], %(kinds)s::text[], %(models)s::text[]) AS offered (code, kind, model)
         WHERE NOT EXISTS (SELECT FROM sensor WHERE sensor.home_id = %(home_id)s AND sensor.code = offered.code)
           AND ((SELECT count(*) FROM sensor_offer WHERE home_id = %(home_id)s) < %(most)s
                OR EXISTS (SELECT FROM sensor_offer AS old
                            WHERE old.home_id = %(home_id)s AND old.code = offered.code))
         LIMIT %(most)s
            ON CONFLICT (home_id, code) DO UPDATE SET kind = excluded.kind, model = excluded.model
         WHERE (sensor_offer.kind, sensor_offer.model) IS DISTINCT FROM (excluded.kind, excluded.model)
           AND (excluded.model <> '' OR (sensor_offer.model = '' AND excluded.kind <> 'other'))
        """,
        {
            "home_id": home_id,
            "codes": list(offers),
            "kinds": [str(kind) for kind, _ in offers.values()],
            "models": [model for _, model in offers.values()],
            "now": now,
            "most": MOST,
        },
    )
