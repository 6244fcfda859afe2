"""Sensors that a bridge lists and nobody has named and placed yet. Read by `store.overview`."""

from collections.abc import Mapping
from datetime import datetime

from store.database import Conn
from store.home import SensorKind


def offer_sensors(conn: Conn, home_id: int, offers: Mapping[str, tuple[SensorKind, str]], *, now: datetime) -> None:
    """Note the offered sensors, code -> (kind, model), without those the home has. Old offers keep their time."""
    conn.execute(
        """
        INSERT INTO sensor_offer (home_id, code, kind, model, offered_at)
        SELECT %(home_id)s, offered.code, offered.kind, offered.model, %(now)s
          FROM unnest(%(codes)s::text[], %(kinds)s::text[], %(models)s::text[]) AS offered (code, kind, model)
         WHERE NOT EXISTS (SELECT FROM sensor WHERE sensor.home_id = %(home_id)s AND sensor.code = offered.code)
            ON CONFLICT (home_id, code) DO UPDATE SET kind = excluded.kind, model = excluded.model
        """,
        {
            "home_id": home_id,
            "codes": list(offers),
            "kinds": [str(kind) for kind, _ in offers.values()],
            "models": [model for _, model in offers.values()],
            "now": now,
        },
    )
