"""The alert of an episode: several deviations about one situation, of which people are told once."""

from uuid import UUID

from psycopg.rows import kwargs_row

from store.alert import Alert, alert_row
from store.database import Conn
from store.deviation import Deviation


def open_alert_about(conn: Conn, deviation: Deviation) -> Alert | None:
    """The home's open alert that this deviation is about; locked until the transaction ends.

    That is the alert which tells of it; else one which tells of another deviation of its episode; else one of its kind.
    """
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert
              JOIN home ON home.id = alert.home_id
              LEFT JOIN deviation AS told ON told.id = alert.deviation_id
             WHERE alert.home_id = %(home_id)s AND alert.state <> 'closed'
               AND (alert.kind = %(kind)s OR %(episode)s IN (told.id::text, told.evidence ->> 'episode'))
             ORDER BY coalesce(alert.deviation_id = %(id)s, false) DESC,
                      coalesce(%(episode)s IN (told.id::text, told.evidence ->> 'episode'), false) DESC,
                      alert.opened_at DESC
             LIMIT 1
               FOR UPDATE OF alert
            """,
            {
                "home_id": deviation.home_id,
                "kind": deviation.kind,
                "id": deviation.id,
                "episode": deviation.episode,
            },
        ).fetchone()


def ongoing_in_episode(conn: Conn, deviation: Deviation) -> tuple[UUID, str] | None:
    """Id and explanation of another deviation of its episode that has not ended and is no mere notice: the newest."""
    return conn.execute(
        """
        SELECT id, explanation FROM deviation
         WHERE home_id = %(home_id)s AND ended_at IS NULL AND id <> %(id)s
           AND %(episode)s IN (id::text, evidence ->> 'episode')
           AND (grade <> 'notice' OR evidence ? 'grade_alone')
         ORDER BY raised_at DESC
         LIMIT 1
        """,
        {"home_id": deviation.home_id, "id": deviation.id, "episode": deviation.episode},
    ).fetchone()
