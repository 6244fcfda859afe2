"""What the model has found in the homes of the demo: for each kind the incident to look at first. Only looks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from store.database import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKind:
    """One kind of finding, and where the gravest of it is, the newest of several."""

    kind: str
    home: str
    grade: str
    raised_at: datetime
    explanation: str

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"home": self.home, "grade": self.grade, "raised_at": self.raised_at.isoformat()}


def found_kinds(conn: Conn) -> list[FoundKind]:
    """One of each kind of deviation and fault that there is, in the order of the alphabet."""
    with conn.cursor(row_factory=class_row(FoundKind)) as cur:
        return cur.execute(
            """
            SELECT DISTINCT ON (kind) kind, home.code AS home, grade, raised_at, explanation
              FROM (SELECT kind, home_id, grade, raised_at, explanation FROM deviation
                    UNION ALL
                    SELECT kind, home_id, grade, raised_at, explanation FROM fault) AS found
              JOIN home ON home.id = found.home_id
             ORDER BY kind, array_position(ARRAY['notice', 'attention', 'urgent'], grade) DESC, raised_at DESC
            """
        ).fetchall()
