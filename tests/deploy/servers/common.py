"""What the tests know of a broker, whichever it is."""

import os
import pwd
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from deploy.brokers.contract import BrokerControl
from deploy.home_commands import connect_home, revoke_home
from deploy.local_stack.account import Account
from deploy.local_stack.credentials import Credential
from store.clock import Clock
from store.database import Conn
from store.home import SensorKind, home_by_code
from tests.ingest.homes import make_home

DEPLOY = Path(__file__).parents[3] / "deploy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """Where the brokers differ; docs/brokers.md says the same in words."""

    takes_spaces: bool = True  # in topics
    dots_stay: bool = True  # in topics
    keeps_ids: bool = True  # of messages that it delivers again; else it counts from 1 on each connection
    checks_partition: bool = True  # else ingest does
    saves_after: float = 0.0  # seconds from an acknowledgement until a kill -9 cannot take the message any more
    takes_at_most: int = 4 * 1024 * 1024  # bytes of a payload
    ends_what_is_too_large: bool = True  # else that connection takes nothing more, until it is made anew


class RealServer(Protocol):
    """A running broker that the tests may kill."""

    name: str
    quirks: Quirks
    port: int  # for ingest, without TLS, on the loopback address
    homes_port: int
    ca: Path | None  # whoever connects to `homes_port` with TLS checks it against this

    def credentials(self, code: str | None = None) -> Credential:
        """Of a home, made if needed; without a home that of ingest, each time with a fresh session."""

    def renew(self, code: str) -> Credential:
        """Replace the secret of a home."""

    def revoke(self, code: str) -> None:
        """Take it away."""

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""

    def start(self) -> None:
        """Return when it lets people in."""


class Homes:
    """Homes in the database and their credentials, made as `telecare home connect` makes them."""

    def __init__(self, conn: Conn, control: BrokerControl, clock: Clock) -> None:
        self._conn = conn
        self._control = control
        self._clock = clock
        self._made: dict[str, Credential] = {}

    def credential(self, code: str) -> Credential:
        if code not in self._made:
            if home_by_code(self._conn, code) is None:
                make_home(self._conn, {"M1": SensorKind.MOTION}, now=self._clock.now(), code=code)
            self._made[code] = self.renew(code)
        return self._made[code]

    def renew(self, code: str) -> Credential:
        held, secret = connect_home(self._conn, self._control, code, renew=True, by="tests", now=self._clock.now())
        self._made[code] = Credential(username=code, password=secret, client_id=held.client_id)
        return self._made[code]

    def revoke(self, code: str) -> None:
        revoke_home(self._conn, self._control, code, by="tests", now=self._clock.now())
        del self._made[code]


def program(*names: str) -> list[str]:
    """Where these programs are; skips the test if one of them is not installed (CI has them all)."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/rabbitmq/bin"])
    found = {name: shutil.which(name, path=path) for name in names}
    missing = [name for name, where in found.items() if where is None]
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)}")
    return [where for where in found.values() if where is not None]


def account(name: str) -> Account | None:
    """The account a daemon runs under when we are root; None: our own, we are not."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(name)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def folder_of(account: Account | None, folder: Path) -> Path:
    """A new folder that belongs to that account."""
    folder.mkdir(mode=0o750, parents=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def filled_in(file: Path, values: dict[str, str]) -> str:
    """One of our configuration files for this machine; each of the given texts must stand in it exactly once."""
    text = file.read_text()
    for shipped, here in values.items():
        assert text.count(shipped) == 1, f"{file.name} holds {shipped!r} {text.count(shipped)} times"
        text = text.replace(shipped, here)
    return text


def wait_for(claim: Callable[[], bool], what: str, *, seconds: float) -> None:
    """Return when it holds; fail with what was waited for."""
    from tests.deploy.mqtt import eventually

    assert eventually(claim, seconds), f"not within {seconds:.0f} s: {what}"
