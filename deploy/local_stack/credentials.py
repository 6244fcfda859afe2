"""Who may connect to the embedded broker: one credential per home, one for ingest. Kept in a file of mode 0600.

A client id is part of the credential, because in MQTT whoever connects with a client id takes over its session: with a
guessable one, any home could disconnect ingest and discard what is waiting for it.
"""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from store.home import partition_of

INGEST = "ingest"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")  # nothing that means something in a topic or a NATS subject

Permissions = dict[str, dict[str, list[str]]]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a hub or a service connects with. All three are secret together; only `username` may be logged."""

    username: str
    password: str
    client_id: str


class Credentials:
    """The file of all credentials. Safe to change from several processes; the broker must be told afterwards."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def ingest(self) -> Credential:
        """The credential of ingest, made at the first call."""
        return self._change(lambda known: _found_or_made(known, INGEST, INGEST))

    def homes(self) -> dict[str, Credential]:
        """Home code → credential."""
        return {name: known for name, known in self._read().items() if name != INGEST}

    def add_homes(self, codes: Iterable[str]) -> dict[str, Credential]:
        """The credentials of these homes; those which have none yet are given one."""
        wanted = list(codes)
        for code in wanted:
            _require_home_code(code)
        return self._change(lambda known: {code: _found_or_made(known, code, "hub") for code in wanted})

    def put_home(self, credential: Credential) -> None:
        """Give a home this credential, instead of the one it has."""
        _require_home_code(credential.username)
        self._change(lambda known: known.update({credential.username: credential}))

    def revoke_home(self, code: str) -> bool:
        """Forget a home's credential. False if it had none."""
        return code != INGEST and self._change(lambda known: known.pop(code, None)) is not None

    def all(self) -> list[Credential]:
        """Everybody, ingest included."""
        return list(self._read().values())

    def _read(self) -> dict[str, Credential]:
        if not self._file.exists():
            return {}
        return {name: Credential(**fields) for name, fields in json.loads(self._file.read_text()).items()}

    def _change(self, change: Callable[[dict[str, Credential]], Result]) -> Result:
        with _locked(self._file.with_suffix(".lock")):
            before = self._read()
            known = dict(before)
            result = change(known)
            if known != before:
                write_private(self._file, json.dumps({name: asdict(one) for name, one in known.items()}, indent=1))
        return result


def permissions(credential: Credential) -> Permissions:
    """What a credential may do, in NATS subjects (a topic with `.` for `/`, `>` for `#`).

    A home writes below its own topic and reads its own acknowledgements. Ingest reads all homes and acknowledges all.
    `homes/#` also means `homes` itself, so both must be allowed. Nothing is said of `$MQTT…`: the server's own.
    """
    if credential.username == INGEST:
        return {"publish": {"allow": ["acks.*"]}, "subscribe": {"allow": ["homes", "homes.>"]}}
    code = credential.username
    own = f"homes.{partition_of(code):02d}.{code}.>"
    return {"publish": {"allow": [own]}, "subscribe": {"allow": [f"acks.{code}"]}}


def _require_home_code(code: str) -> None:
    if not _CODE.fullmatch(code) or code == INGEST:
        raise ValueError(f"home code {code!r} cannot be used in a topic: letters, digits, - and _ only")


def write_private(file: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner alone from the first byte on."""
    beside = file.with_name(f"{file.name}.{secrets.token_hex(4)}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    beside.replace(file)


def _found_or_made(known: dict[str, Credential], username: str, kind: str) -> Credential:
    if username not in known:
        known[username] = Credential(
            username=username,
            password=secrets.token_urlsafe(24),
            client_id=f"{kind}-{secrets.token_hex(12)}",
        )
    return known[username]


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
