"""`telecare home connect`, `revoke` and `credentials` at the command line, with real database and real Mosquitto."""

import stat
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from deploy.bridge import Bridge, CannotBridge, bridge_configuration
from deploy.cli import main
from deploy.local_stack.credentials import Credential
from deploy.local_stack.handshake import accepts
from deploy.local_stack.ports import LOOPBACK, free_port
from ingest.hub.settings import hub_settings
from ingest.wire import Dialect
from store.audit import Action, audit_entries
from store.database import Conn, DatabaseSettings
from store.home import SensorKind, home_by_code
from store.hub_credential import credential_of, hash_secret, is_secret
from tests.deploy.servers.common import program
from tests.deploy.servers.mosquitto import MosquittoServer
from tests.ingest.homes import make_home

Telecare = Callable[..., int]
WHERE = ["--host", "broker.example.org"]


@pytest.fixture
def telecare(
    brokers_database: DatabaseSettings, mosquitto: MosquittoServer, monkeypatch: pytest.MonkeyPatch
) -> Telecare:
    """The command on the machine of the broker."""
    for name, value in {
        "TELECARE_DATABASE_URL": brokers_database.database_url,
        "TELECARE_BROKER_KIND": "mosquitto",
        "TELECARE_BROKER_HOST": LOOPBACK,
        "TELECARE_BROKER_PORT": str(mosquitto.port),
        "TELECARE_BROKER_MOSQUITTO_PASSWORDS": str(mosquitto.folder / "telecare.passwords"),
        "TELECARE_BROKER_MOSQUITTO_SERVICES": str(mosquitto.folder / "telecare.services"),
        "TELECARE_BROKER_MOSQUITTO_PID_FILE": str(mosquitto.folder / "mosquitto.pid"),
    }.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments: main(["home", *arguments])


@pytest.fixture
def home(brokers_conn: Conn, request: pytest.FixtureRequest, now: datetime) -> str:
    code = f"C-{abs(hash(request.node.name)) % 10**8}"
    make_home(brokers_conn, {"M1": SensorKind.MOTION}, now=now, code=code, dialect=Dialect.ZIGBEE2MQTT)
    return code


def lets_in(server: MosquittoServer, code: str, secret: str) -> bool:
    return accepts(LOOPBACK, server.port, Credential(username=code, password=secret, client_id="any"))


def secret_in(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("remote_password ")]
    return line.removeprefix("remote_password ")


def test_a_secret_is_printed_once_kept_as_a_hash_in_force_at_once_and_audited(
    telecare: Telecare,
    home: str,
    mosquitto: MosquittoServer,
    brokers_conn: Conn,
    capsys: pytest.CaptureFixture[str],
    now: datetime,
) -> None:
    assert telecare("connect", home, *WHERE) == 0
    secret = secret_in(capsys.readouterr().out)
    assert lets_in(mosquitto, home, secret)
    held = credential_of(brokers_conn, home)
    assert held is not None
    assert secret not in str(brokers_conn.execute("SELECT * FROM hub_credential").fetchall())
    assert is_secret(secret, held.secret_hash)
    passwords = mosquitto.folder / "telecare.passwords"
    assert secret not in passwords.read_text()
    assert stat.S_IMODE(passwords.stat().st_mode) & 0o007 == 0

    assert telecare("connect", home, *WHERE) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "--renew" in told.err
    assert lets_in(mosquitto, home, secret)

    assert telecare("connect", home, "--renew", *WHERE) == 0
    newer = secret_in(capsys.readouterr().out)
    assert lets_in(mosquitto, home, newer)
    assert not lets_in(mosquitto, home, secret)

    assert telecare("revoke", home) == 0
    assert not lets_in(mosquitto, home, newer)
    assert telecare("connect", home, "--revoke") == 0
    assert "already" in capsys.readouterr().out
    home_id = held.home_id
    done = [
        (action, entry.subject)
        for action in (Action.CREDENTIAL_MADE, Action.CREDENTIAL_REPLACED, Action.CREDENTIAL_REVOKED)
        for entry in audit_entries(brokers_conn, action=action, since=now.replace(year=2000))
        if entry.home_id == home_id
    ]
    assert done == [
        (action, "mosquitto")
        for action in (Action.CREDENTIAL_MADE, Action.CREDENTIAL_REPLACED, Action.CREDENTIAL_REVOKED)
    ]


def test_what_is_written_to_a_file_is_readable_by_its_owner_alone(
    telecare: Telecare, home: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], mosquitto: MosquittoServer
) -> None:
    file = tmp_path / "bridge.conf"
    assert telecare("connect", home, *WHERE, "-o", str(file)) == 0
    secret = secret_in(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in capsys.readouterr().out
    assert lets_in(mosquitto, home, secret)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["NOWHERE", *WHERE], "no home with the code 'NOWHERE'"),
        (["ingest", *WHERE], "name of a service"),
        (["telecare-witness", *WHERE], "name of a service"),
        (["HOME"], "TELECARE_BROKER_HOMES_HOST"),
        (["HOME", "--host", "a b"], "neither a name nor an address"),
        (["HOME", *WHERE, "--port", "70000"], "not 1 to 65535"),
        (["HOME", *WHERE, "--local-prefix", "my prefix"], "local prefix"),
        (["HOME", *WHERE, "--local-prefix", "#"], "local prefix"),
        (["HOME", *WHERE, "--ca", "ca.pem"], "not a path from the root"),
        (["HOME", *WHERE, "-o", "/nowhere/at/all.conf"], "folder is not there"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason_and_nothing_is_made(
    telecare: Telecare,
    home: str,
    brokers_conn: Conn,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    assert telecare("connect", *[home if word == "HOME" else word for word in arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert reason in told.err
    assert credential_of(brokers_conn, home) is None


def test_revoking_what_was_never_made_is_refused(
    telecare: Telecare, home: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert telecare("revoke", home) == 2
    assert "has no credential" in capsys.readouterr().err


def test_a_broker_that_cannot_be_told_is_an_error_and_doing_it_again_helps(
    telecare: Telecare,
    home: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mosquitto: MosquittoServer,
    brokers_conn: Conn,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TELECARE_BROKER_MOSQUITTO_SERVICES", str(mosquitto.folder / "none"))
        assert telecare("connect", home, *WHERE) == 1
        assert "mosquitto_passwd" in capsys.readouterr().err
        assert credential_of(brokers_conn, home) is None  # found out before anything was changed
    assert telecare("connect", home, *WHERE) == 0
    secret = secret_in(capsys.readouterr().out)
    (mosquitto.folder / "telecare.passwords").write_text("")  # lost, with the broker's machine
    assert telecare("credentials") == 0
    assert lets_in(mosquitto, home, secret)


def test_a_native_hub_is_given_settings_that_it_can_read(
    telecare: Telecare,
    home: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    brokers_conn: Conn,
) -> None:
    assert telecare("connect", home, "--dialect", "native", *WHERE) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith("#")]
    for line in lines:
        monkeypatch.setenv(*line.split("=", 1))
    read = hub_settings(None)
    held = credential_of(brokers_conn, home)
    assert held is not None
    assert (read.username, read.client_id, read.broker_host) == (home, held.client_id, "broker.example.org")
    assert is_secret(read.password, held.secret_hash)


def test_our_hash_is_the_one_that_mosquitto_passwd_makes(tmp_path: Path) -> None:
    (passwd,) = program("mosquitto_passwd")
    file = tmp_path / "passwords"
    subprocess.run([passwd, "-b", "-c", str(file), "K7", "a secret"], check=True, capture_output=True)
    theirs = file.read_text().strip().removeprefix("K7:")
    assert theirs.startswith("$7$101$")
    assert is_secret("a secret", theirs)
    assert not is_secret("a secret ", theirs)
    assert len(hash_secret("a secret")) == len(theirs)


@pytest.mark.parametrize("broken", ["", "$7$", "$7$x$y$z", "$6$101$AAAA$BBBB", "plain", "$7$101$A$A", "$7$0$AAAA$AAAA"])
def test_a_hash_that_is_none_fits_no_secret(broken: str) -> None:
    assert not is_secret("", broken)
    assert not is_secret("plain", broken)


def bridge(dialect: Dialect, local_prefix: str | None = None, host: str = "broker.example.org") -> str:
    return bridge_configuration(
        Bridge(
            home_code="K7", partition=7, client_id="hub-1", secret="s3cret", host=host, port=8883,
            ca_file="/etc/ssl/certs/ca-certificates.crt", dialect=dialect, local_prefix=local_prefix,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "prefix", "topics"),
    [
        (Dialect.ZIGBEE2MQTT, None, ["# out 1 zigbee2mqtt/ homes/07/K7/zigbee2mqtt/"]),
        (Dialect.ZIGBEE2MQTT, "z2m/flat/", ["# out 1 z2m/flat/ homes/07/K7/zigbee2mqtt/"]),
        (Dialect.TASMOTA, None, ['tele/# out 1 "" homes/07/K7/tasmota/', 'stat/# out 1 "" homes/07/K7/tasmota/']),
        (
            Dialect.TASMOTA,
            "flat",
            ["tele/# out 1 flat/ homes/07/K7/tasmota/", "stat/# out 1 flat/ homes/07/K7/tasmota/"],
        ),
        (Dialect.SHELLY, None, ['+/events/rpc out 1 "" homes/07/K7/shelly/', '+/online out 1 "" homes/07/K7/shelly/']),
        (Dialect.SHELLY, "shelly", ["# out 1 shelly/ homes/07/K7/shelly/"]),
        (
            Dialect.HOMEASSISTANT,
            None,
            [
                "# out 1 statestream/ homes/07/K7/homeassistant/",
                "status out 1 homeassistant/ homes/07/K7/homeassistant/",
            ],
        ),
    ],
)
def test_each_dialects_lines_are_what_mosquitto_understands(
    dialect: Dialect, prefix: str | None, topics: list[str], tmp_path: Path
) -> None:
    text = bridge(dialect, prefix, host=LOOPBACK)
    assert [line.removeprefix("topic ") for line in text.splitlines() if line.startswith("topic ")] == topics
    (mosquitto,) = program("mosquitto")
    file = tmp_path / "mosquitto.conf"
    file.write_text(f"listener {free_port()} {LOOPBACK}\npersistence_location {tmp_path}/\n{text}")
    started = subprocess.Popen(
        [mosquitto, "-c", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with pytest.raises(subprocess.TimeoutExpired):  # it would end at once at a line it does not know
        started.wait(0.7)
    started.terminate()
    said, _ = started.communicate(timeout=10)
    assert "running" in said, said


def test_a_native_hub_needs_no_bridge_and_an_address_may_be_ipv6() -> None:
    with pytest.raises(CannotBridge, match="needs no bridge"):
        bridge(Dialect.NATIVE)
    assert "address [2001:db8::1]:8883\n" in bridge(Dialect.ZIGBEE2MQTT, host="2001:db8::1")


def test_a_secret_does_not_show_in_a_traceback(brokers_conn: Conn) -> None:
    shown = repr(
        Bridge(
            home_code="K7", partition=7, client_id="hub-1", secret="s3cret", host="h", port=1, ca_file="/c",
            dialect=Dialect.SHELLY, local_prefix=None,
        )
    )  # fmt: skip
    assert "s3cret" not in shown
    assert home_by_code(brokers_conn, "s3cret") is None
