"""What a home connects to the broker with: who may, since when, and whether a secret is the right one.

Which broker is told, and how, is not known here: `deploy.brokers`.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import kwargs_row

from store.database import Conn

# Mosquitto's own number. A secret of ours has 256 random bits: what makes it hard to guess is that, not the rounds, and
# a broker of 100,000 homes checks one at every connect.
ROUNDS = 101
SALT_BYTES = 12
HASH_BYTES = 64  # Mosquitto takes no other length


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCredential:
    """The credential of one home. The name it connects with is the home's code."""

    home_id: int
    home_code: str
    partition: int
    client_id: str
    secret_hash: str
    made_at: datetime
    revoked_at: datetime | None


def new_secret() -> str:
    """256 random bits, in letters that need no quoting anywhere."""
    return secrets.token_urlsafe(32)


def new_client_id() -> str:
    """A client id that cannot be guessed: whoever connects with one takes over its session."""
    return f"hub-{secrets.token_hex(12)}"


def hash_secret(secret: str, *, salt: bytes | None = None) -> str:
    """The form in which a secret is kept; Mosquitto reads it as it is (`$7$`, PBKDF2 with SHA-512)."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    return f"$7${ROUNDS}${_text(salt)}${_text(_derived(secret, salt, ROUNDS))}"


def is_secret(secret: str, secret_hash: str) -> bool:
    """True if it is the secret of this hash; compared in constant time."""
    try:
        _, kind, rounds, salt, expected = secret_hash.split("$")
        given = _derived(secret, base64.b64decode(salt), int(rounds))
        return kind == "7" and hmac.compare_digest(given, base64.b64decode(expected))
    except ValueError:
        return False


def put_credential(conn: Conn, home_id: int, *, secret_hash: str, client_id: str, now: datetime) -> None:
    """Give a home a credential, or replace the one it has; its client id stays the first one."""
    conn.execute(
        """
        INSERT INTO hub_credential (home_id, client_id, secret_hash, made_at)
        VALUES (%(home_id)s, %(client_id)s, %(secret_hash)s, %(now)s)
            ON CONFLICT (home_id) DO UPDATE
           SET secret_hash = excluded.secret_hash, made_at = excluded.made_at, revoked_at = NULL
        """,
        {"home_id": home_id, "client_id": client_id, "secret_hash": secret_hash, "now": now},
    )


def revoke_credential(conn: Conn, home_id: int, *, now: datetime) -> bool:
    """True if this call took the home's credential away; False if it had none that was valid."""
    cur = conn.execute(
        "UPDATE hub_credential SET revoked_at = %(now)s WHERE home_id = %(home_id)s AND revoked_at IS NULL",
        {"home_id": home_id, "now": now},
    )
    return cur.rowcount == 1


def credential_of(conn: Conn, home_code: str) -> HubCredential | None:
    """The credential of the home of this code, valid or revoked; None if it never had one."""
    with conn.cursor(row_factory=kwargs_row(HubCredential)) as cur:
        # through a function, because the api asks before anybody is signed in
        return cur.execute("SELECT * FROM hub_credential_of(%(code)s)", {"code": home_code}).fetchone()


def standing_credentials(conn: Conn) -> list[HubCredential]:
    """Every credential that is valid now, of every organisation, by home code: what a broker has to know."""
    with conn.cursor(row_factory=kwargs_row(HubCredential)) as cur:
        return cur.execute(
            """
            SELECT home_id, home.code AS home_code, home.partition, client_id, secret_hash, made_at, revoked_at
              FROM hub_credential JOIN home ON home.id = home_id
             WHERE revoked_at IS NULL
             ORDER BY home.code
            """
        ).fetchall()


def lock_credentials(conn: Conn) -> None:
    """From here to the end of the transaction nobody else makes or revokes one: a file of all of them is written."""
    conn.execute("LOCK TABLE hub_credential IN SHARE ROW EXCLUSIVE MODE")


def _derived(secret: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, rounds, HASH_BYTES)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
