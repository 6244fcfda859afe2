"""The embedded NATS: its own file of credentials, which needs the secrets themselves; readable by its owner alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from deploy.brokers.contract import Change, NotInForce
from deploy.local_stack.broker import Broker, BrokerFailed
from deploy.local_stack.credentials import Credential
from store.database import Conn
from store.home import home_by_code
from store.hub_credential import HubCredential, credential_of, hash_secret, put_credential


class Embedded:
    """The broker of the stack in this folder."""

    def __init__(self, data_dir: Path | None) -> None:
        self._data_dir = data_dir

    def check(self) -> None:
        """Raise NotInForce if there is no such stack."""
        if self._data_dir is None:
            raise NotInForce("TELECARE_BROKER_EMBEDDED_DATA must name the folder given to `telecare demo --data`")
        if not (self._data_dir / "broker").is_dir():
            raise NotInForce(f"there is no embedded broker in {self._data_dir}")

    def put_in_force(self, standing: Sequence[HubCredential], change: Change | None) -> None:
        """Let the home in, or end its connection. It cannot be told everything again: nobody knows the secrets."""
        self.check()
        assert self._data_dir is not None
        if change is None:
            raise NotInForce("the embedded broker keeps its credentials itself; there is nothing to tell it")
        broker = Broker(self._data_dir)
        held = change.credential
        try:
            if change.secret is None:
                broker.revoke_home(held.home_code)
            else:
                made = Credential(username=held.home_code, password=change.secret, client_id=held.client_id)
                broker.put_home(made)
        except BrokerFailed as exc:
            raise NotInForce(str(exc)) from exc


def note_made(conn: Conn, made: Mapping[str, Credential], *, now: datetime) -> None:
    """Write down the credentials that the stack itself gave to its homes, so that `telecare home` knows of them."""
    for code, credential in made.items():
        home = home_by_code(conn, code)
        if home is not None and credential_of(conn, code) is None:
            put_credential(
                conn,
                home.id,
                secret_hash=hash_secret(credential.password),
                client_id=credential.client_id,
                now=now,
            )
