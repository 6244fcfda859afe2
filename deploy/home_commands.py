"""`telecare home connect`, `revoke` and `credentials`: what a home connects to the broker with.

The database is changed first and the broker told afterwards, under a lock, so that two of these commands at once cannot
leave the broker with the older of two states. If the broker cannot be told, the command says so and fails; doing it
again is safe. A secret is shown once, when it is made, and is kept nowhere.
"""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.bridge import LOCAL_PREFIX, SYSTEM_CAS, Bridge, CannotBridge, bridge_configuration
from deploy.brokers.choose import broker_control
from deploy.brokers.contract import BrokerControl, Change, NotInForce
from deploy.brokers.mosquitto import WITNESS
from deploy.brokers.settings import BrokerControlSettings
from deploy.hub_settings import hub_settings
from deploy.local_stack.credentials import write_private
from ingest.wire import Dialect
from store.audit import Action, note_audit
from store.clock import Clock
from store.database import Conn
from store.home import Home, dialect_of, home_by_code
from store.hub_credential import (
    HubCredential,
    credential_of,
    hash_secret,
    lock_credentials,
    new_client_id,
    new_secret,
    put_credential,
    revoke_credential,
    standing_credentials,
)

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

VERBS = ("connect", "revoke", "credentials")
RESERVED = {"ingest", "monitor", "telecare-control", WITNESS}  # names that services have at the broker


class Refused(Exception):
    """What was asked for cannot be done; the message says why. Exit code 2."""


def add_verbs(home: "Commands") -> None:
    """Declare them below `telecare home`."""
    connect = home.add_parser(
        "connect",
        help="give a home its credential and print what to set up there",
        description="Makes the credential a home connects to the broker with, puts it in force there, and prints the "
        "configuration of the home's own Mosquitto, or the settings of `telecare hub`, once.",
    )
    connect.add_argument("home", metavar="HOME", help="the home's code")
    again = connect.add_mutually_exclusive_group()
    again.add_argument("--renew", action="store_true", help="replace the secret; whoever uses the old one is cut off")
    again.add_argument("--revoke", action="store_true", help="take the credential away, like `telecare home revoke`")
    connect.add_argument(
        "--dialect", choices=[str(dialect) for dialect in Dialect], help="default: what the home was added with"
    )
    usual = ", ".join(f"{prefix} for {dialect}" for dialect, prefix in LOCAL_PREFIX.items())
    connect.add_argument(
        "--local-prefix", metavar="PREFIX", help=f"what the topics at home begin with ({usual}; none for the others)"
    )
    connect.add_argument("--host", help="our broker's name as homes reach it; default: TELECARE_BROKER_HOMES_HOST")
    connect.add_argument("--port", type=int, help="its port; default: TELECARE_BROKER_HOMES_PORT, 8883")
    connect.add_argument(
        "--ca",
        metavar="FILE",
        default=SYSTEM_CAS,
        help=f"certificate authorities, on the home's machine ({SYSTEM_CAS})",
    )
    connect.add_argument("-o", "--output", metavar="FILE", type=Path, help="write it here, readable by you alone")

    revoke = home.add_parser("revoke", help="take a home's credential away and end its connection")
    revoke.add_argument("home", metavar="HOME", help="the home's code")

    home.add_parser(
        "credentials", help="tell the broker again of every valid credential: after a new broker or a restored database"
    )


def run(conn: Conn, arguments: argparse.Namespace, clock: Clock) -> int:
    """Do it, on a connection in autocommit. 2 if it was refused, 1 if the broker could not be told."""
    settings = BrokerControlSettings()
    control = broker_control(settings)
    try:
        if arguments.verb == "credentials":
            control.check()
            print(f"{tell_again(conn, control)} credentials are in force")
        elif arguments.verb == "revoke" or arguments.revoke:
            print(revoke_home(conn, control, arguments.home, by=str(settings.broker_kind), now=clock.now()))
        else:
            _connect(conn, control, arguments, settings, clock)
    except (Refused, CannotBridge) as exc:
        print(exc, file=sys.stderr)
        return 2
    except NotInForce as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def connect_home(
    conn: Conn,
    control: BrokerControl,
    code: str,
    *,
    renew: bool = False,
    by: str,
    now: datetime,
) -> tuple[HubCredential, str]:
    """Make a home's credential and put it in force; the credential and its secret, which nobody will tell again.

    Raises Refused (no such home; it has one and `renew` is not set) before anything is changed, and NotInForce.
    """
    home = _home_of(conn, code)
    control.check()
    secret = new_secret()
    with conn.transaction():
        lock_credentials(conn)
        held = credential_of(conn, code)
        is_valid = held is not None and held.revoked_at is None
        if held is not None and is_valid and not renew:
            raise Refused(
                f"{code} has a credential since {held.made_at:%d %B %Y}, and its secret was shown then. "
                "--renew replaces it, and cuts off whoever uses it."
            )
        put_credential(conn, home.id, secret_hash=hash_secret(secret), client_id=new_client_id(), now=now)
        action = Action.CREDENTIAL_REPLACED if is_valid else Action.CREDENTIAL_MADE
        note_audit(conn, action, now=now, organisation_id=home.organisation_id, home_id=home.id, subject=by)
    made = _put_in_force(conn, control, code, secret, again=f"telecare home connect {code} --renew")
    return made, secret


def revoke_home(conn: Conn, control: BrokerControl, code: str, *, by: str, now: datetime) -> str:
    """Take a home's credential away and end its connection; one sentence that says what happened.

    Of one that is revoked already the broker is told again. Raises Refused and NotInForce.
    """
    home = _home_of(conn, code)
    if credential_of(conn, code) is None:
        raise Refused(f"{code} has no credential")
    with conn.transaction():
        lock_credentials(conn)
        is_new = revoke_credential(conn, home.id, now=now)
        if is_new:
            note_audit(
                conn,
                Action.CREDENTIAL_REVOKED,
                now=now,
                organisation_id=home.organisation_id,
                home_id=home.id,
                subject=by,
            )
    _put_in_force(conn, control, code, None, again=f"telecare home revoke {code}")
    return f"{code} is revoked" if is_new else f"{code} was revoked already; the broker was told again"


def tell_again(conn: Conn, control: BrokerControl) -> int:
    """Tell the broker of every valid credential; how many there are."""
    with conn.transaction():
        lock_credentials(conn)
        standing = standing_credentials(conn)
        control.put_in_force(standing, None)
    return len(standing)


def _put_in_force(conn: Conn, control: BrokerControl, code: str, secret: str | None, *, again: str) -> HubCredential:
    with conn.transaction():
        lock_credentials(conn)
        held = credential_of(conn, code)
        assert held is not None
        try:
            control.put_in_force(standing_credentials(conn), Change(credential=held, secret=secret))
        except NotInForce as exc:
            raise NotInForce(f"{exc}\nThe database has the change, the broker has not: run `{again}`.") from exc
    return held


def _home_of(conn: Conn, code: str) -> Home:
    if code in RESERVED:
        raise Refused(f"{code!r} is the name of a service at the broker and cannot be that of a home")
    home = home_by_code(conn, code)
    if home is None:
        raise Refused(f"there is no home with the code {code!r}; telecare home list shows them")
    return home


def _connect(
    conn: Conn,
    control: BrokerControl,
    arguments: argparse.Namespace,
    settings: BrokerControlSettings,
    clock: Clock,
) -> None:
    code: str = arguments.home
    home = _home_of(conn, code)
    dialect = Dialect(arguments.dialect or dialect_of(conn, home.id))
    host = arguments.host or settings.broker_homes_host
    if not host:
        raise Refused("--host or TELECARE_BROKER_HOMES_HOST must name our broker as homes reach it")
    words = _wording(arguments, dialect, host, arguments.port or settings.broker_homes_port, home)
    words(new_client_id(), new_secret())  # what cannot be worded is refused before anything is made
    output: Path | None = arguments.output
    if output is not None and not os.access(output.absolute().parent, os.W_OK | os.X_OK):
        raise Refused(f"{output}: its folder is not there or cannot be written")
    held, secret = connect_home(
        conn, control, code, renew=arguments.renew, by=str(settings.broker_kind), now=clock.now()
    )
    text = words(held.client_id, secret)
    if output is None:
        print(text, end="")
    else:
        write_private(output, text)
        print(f"{code} may connect; what to set up there is in {output}, with its secret: hand it over safely")


def _wording(
    arguments: argparse.Namespace, dialect: Dialect, host: str, port: int, home: Home
) -> Callable[[str, str], str]:
    """Client id and secret → what to set up in the home."""

    def words(client_id: str, secret: str) -> str:
        if dialect is Dialect.NATIVE:
            return hub_settings(home, client_id=client_id, secret=secret, host=host, port=port, ca_file=arguments.ca)
        return bridge_configuration(
            Bridge(
                home_code=home.code,
                partition=home.partition,
                client_id=client_id,
                secret=secret,
                host=host,
                port=port,
                ca_file=arguments.ca,
                dialect=dialect,
                local_prefix=arguments.local_prefix,
            )
        )

    return words
