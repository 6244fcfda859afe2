"""Reads the catalogue: which tables belong to an organisation, and a row in each of them for any organisation."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from store.database import Conn

ROOT = "organisation"
# What no rule below would guess: a value, or a function of a fresh number.
SPECIAL: dict[tuple[str, str], Any] = {
    ("responder", "phone"): lambda n: f"+4477009{n:05d}",
    ("home", "code"): lambda n: f"H{n}",
    ("home", "time_zone"): "Europe/London",
    ("alert", "code"): lambda n: f"Q{n:05d}",
    ("alert", "deviation_id"): None,  # the row of alert_finding carries it: a trigger would have made it already
    ("watching", "false_alerts_a_month"): 0.5,
    ("watching", "stage"): "live",
    ("alert", "state"): "open",
    ("alert", "outcome"): None,
    ("alert", "plan"): Jsonb({"id": None, "name": "", "steps": []}),
    ("absence", "until_at"): "2026-03-11T00:00:00Z",
    ("hub_gap", "last"): 10**9,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: str
    refers_to: str | None  # a table
    words: tuple[str, ...]  # what a CHECK allows
    is_key: bool
    is_made_by_database: bool
    is_nullable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> list[str]:
        return [column.name for column in self.columns if column.is_key]

    @property
    def parents(self) -> list[str]:
        return [column.refers_to for column in self.columns if column.refers_to and column.refers_to != self.name]


@dataclass(slots=True)
class Rows:
    """The row of each table that belongs to one organisation."""

    of: dict[str, dict[str, Any]] = field(default_factory=dict)


def tables(conn: Conn) -> dict[str, Table]:
    """Every ordinary table of ours. A column `home_id` counts as a reference even where there is no constraint."""
    found: dict[str, list[Column]] = {}
    for row in conn.execute(
        """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
               (SELECT f.confrelid::regclass::text FROM pg_constraint f
                 WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum] LIMIT 1),
               (SELECT array_agg(w[1]) FROM pg_constraint k,
                       regexp_matches(pg_get_constraintdef(k.oid), '''([a-z0-9_]+)''::text', 'g') AS w
                 WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]),
               EXISTS (SELECT 1 FROM pg_index i
                        WHERE i.indrelid = c.oid AND i.indisprimary AND a.attnum = ANY(i.indkey)),
               a.attidentity <> '' OR a.attgenerated <> '', NOT a.attnotnull
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
         ORDER BY c.relname, a.attnum
        """
    ).fetchall():
        table, name, kind, refers_to, words, is_key, is_made, is_nullable = row
        if refers_to is None and name == "home_id":
            refers_to = "home"
        found.setdefault(table, []).append(
            Column(
                name=name,
                type=kind,
                refers_to=refers_to,
                words=tuple(words or ()),
                is_key=is_key,
                is_made_by_database=is_made,
                is_nullable=is_nullable,
            )
        )
    return {name: Table(name=name, columns=tuple(columns)) for name, columns in found.items()}


def of_an_organisation(all_tables: dict[str, Table]) -> list[Table]:
    """Those from which references lead to the organisation, parents first."""
    reached, ordered = {ROOT}, [all_tables[ROOT]]
    while True:
        more = [
            table
            for table in all_tables.values()
            if table.name not in reached and any(parent in reached for parent in table.parents)
        ]
        ready = [table for table in more if all(parent in reached for parent in table.parents)]
        if not ready:
            assert not more, f"these refer to each other: {[table.name for table in more]}"
            return ordered
        reached |= {table.name for table in ready}
        ordered += ready


def add_rows(conn: Conn, ordered: list[Table], numbers: Iterator[int]) -> Rows:
    """A new organisation with one row in every table. If it fails, `SPECIAL` does not know the table."""
    rows = Rows()
    for table in ordered:
        values = row_of(table, rows, next(numbers))
        try:
            rows.of[table.name] = insert(conn, table, values)
        except Exception as exc:
            raise AssertionError(f"tests/store/catalogue.py does not know how to make a row of {table.name}") from exc
    return rows


def row_of(table: Table, rows: Rows, number: int) -> dict[str, Any]:
    """Values for every column that the database does not fill."""
    return {
        column.name: _value(table, column, rows, number) for column in table.columns if not column.is_made_by_database
    }


def insert(conn: Conn, table: Table, values: dict[str, Any], *, returning: bool = True) -> dict[str, Any]:
    """Add it; its key."""
    key = table.key or list(values)
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table.name), _names(list(values)), sql.SQL(", ").join(map(sql.Placeholder, values))
    )
    if returning:
        statement += sql.SQL(" RETURNING {}").format(_names(key))
    cur = conn.execute(statement, values)
    row = cur.fetchone() if returning else None
    return dict(zip(key, row, strict=True)) if row else {}


def condition(key: dict[str, Any]) -> sql.Composed:
    """The row of this key."""
    return sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in key)


def _names(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _value(table: Table, column: Column, rows: Rows, number: int) -> Any:
    if (table.name, column.name) in SPECIAL:
        special = SPECIAL[table.name, column.name]
        return special(number) if callable(special) else special
    if column.refers_to in rows.of:
        return next(iter(rows.of[column.refers_to].values()))
    if column.words:
        return column.words[0]
    simple: dict[str, Any] = {
        "text": f"{column.name} {number}",
        "bigint": number,
        "integer": number % 1000,
        "smallint": number % 50,
        "boolean": True,
        "double precision": 1.0,
        "uuid": uuid.uuid5(uuid.NAMESPACE_OID, f"{table.name} {number}"),
        "bytea": f"{table.name} {number}".encode(),
        "jsonb": Jsonb({}),
        "interval": "5 minutes",
        "date": "2026-03-10",
        "timestamp with time zone": "2026-03-10T12:00:00Z",
        "int8multirange": "{}",
    }
    if column.type in simple:
        return simple[column.type]
    assert column.is_nullable or column.type.endswith("[]"), f"no value for {table.name}.{column.name} {column.type}"
    return None if column.is_nullable else []
