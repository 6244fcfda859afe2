"""Columns as PostgreSQL array literals, for statements that move some thousand rows at once.

psycopg adapts a list element by element, in Python: measured at 0.7 µs each, against 0.15 here, and a batch of ingest
has some twenty thousand of them. Cast the parameter: `unnest(%(ids)s::bigint[], %(boots)s::text[])`.
"""

from collections.abc import Iterable
from datetime import datetime


def numbers(values: Iterable[float | None]) -> str:
    """Of bigint, integer, smallint or double precision; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def texts(values: Iterable[str | None]) -> str:
    """Of text, whatever may stand in a text of PostgreSQL; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def times(values: Iterable[datetime | None]) -> str:
    """Of timestamptz; the times know their offset; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else f'"{value.isoformat()}"' for value in values]) + "}"


def booleans(values: Iterable[bool | None]) -> str:
    """Of boolean; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else "t" if value else "f" for value in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'
