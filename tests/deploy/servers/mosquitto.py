"""Mosquitto from the system's package, with deploy/mosquitto.conf."""

import contextlib
import os
import secrets
import signal
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

import trustme

from deploy.brokers.mosquitto import Mosquitto
from deploy.local_stack.credentials import Credential
from deploy.local_stack.handshake import accepts
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK, free_port
from deploy.local_stack.process import Process
from store.clock import Clock
from store.database import Conn
from tests.deploy.servers.common import DEPLOY, Homes, Quirks, account, filled_in, folder_of, program, wait_for


class MosquittoServer:
    """Mosquitto as one machine has it."""

    name = "mosquitto"
    # Saved every second, and the next save begins after the one before; the rest is patience with a busy machine.
    quirks = Quirks(checks_partition=False, saves_after=4.0)

    def __init__(
        self,
        folder: Path,
        conn: Conn,
        clock: Clock,
        lifeline: Lifeline,
        authority: trustme.CA,
        *,
        otherwise: Mapping[str, str] | None = None,  # lines of deploy/mosquitto.conf, and what stands there instead
    ) -> None:
        self._otherwise = dict(otherwise or {})
        self._program, passwd = program("mosquitto", "mosquitto_passwd")
        self._account = account("mosquitto")
        self.folder = folder_of(self._account, folder)
        self._lifeline = lifeline
        self._process: Process | None = None
        self.port, self.homes_port = free_port(), free_port()
        self.ca: Path | None = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        certificate = authority.issue_cert(LOOPBACK, "localhost")
        certificate.private_key_pem.write_to_path(str(folder / "server.key"))
        for number, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(str(folder / "server.pem"), append=number > 0)
        (folder / "telecare.acl").write_text((DEPLOY / "mosquitto.acl").read_text())
        self._ingest = secrets.token_urlsafe(24)
        services = folder / "telecare.services"
        subprocess.run([passwd, "-b", "-c", str(services), "ingest", self._ingest], check=True, capture_output=True)
        self.monitor = Credential(username="monitor", password=secrets.token_urlsafe(24), client_id="monitor")
        monitor = [self.monitor.username, self.monitor.password]
        subprocess.run([passwd, "-b", str(services), *monitor], check=True, capture_output=True)
        (folder / "telecare.passwords").write_text(services.read_text())
        (folder / "telecare.passwords").chmod(0o640)
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text(self._text())
        for file in folder.iterdir():
            if self._account is not None:
                os.chown(file, self._account.uid, self._account.gid)
        self.control = Mosquitto(
            passwords=folder / "telecare.passwords",
            services=services,
            pid_file=folder / "mosquitto.pid",
            accepts=lambda credential: accepts(LOOPBACK, self.port, credential),
        )
        self._homes = Homes(conn, self.control, clock)

    @property
    def log_file(self) -> Path:
        return self.folder / "mosquitto.log"

    def credentials(self, code: str | None = None) -> Credential:
        if code is not None:
            return self._homes.credential(code)
        client_id = f"telecare-ingest-{uuid.uuid4().hex}"
        return Credential(username="ingest", password=self._ingest, client_id=client_id)

    def renew(self, code: str) -> Credential:
        return self._homes.renew(code)

    def revoke(self, code: str) -> None:
        self._homes.revoke(code)

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        assert self._process.wait(5.0)

    def start(self) -> None:
        self._process = Process.start(
            "mosquitto",
            [self._program, "-c", str(self._configuration)],
            environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
            log_file=self.log_file,
            directory=self.folder,
            account=self._account,
            lifeline=self._lifeline,
        )
        wait_for(
            lambda: accepts(LOOPBACK, self.port, self.credentials()),
            f"Mosquitto lets ingest in; its log:\n{self.log_file.read_text(errors='replace')[-2000:]}",
            seconds=20.0,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(10.0)

    def _text(self) -> str:
        folder = self.folder
        return filled_in(
            DEPLOY / "mosquitto.conf",
            {
                "\nlistener 8883\n": f"\nlistener {self.homes_port} {LOOPBACK}\n",
                "\nlistener 1883 127.0.0.1\n": f"\nlistener {self.port} {LOOPBACK}\n",
                "certfile /etc/mosquitto/certs/": f"certfile {folder}/",
                "keyfile /etc/mosquitto/certs/": f"keyfile {folder}/",
                "password_file /etc/mosquitto/": f"password_file {folder}/",
                "acl_file /etc/mosquitto/": f"acl_file {folder}/",
                "/run/mosquitto/": f"{folder}/",
                "/var/lib/mosquitto/": f"{folder}/",
                **self._otherwise,
            },
        )


def close(server: MosquittoServer) -> None:
    """Stop it, whatever state it is in."""
    with contextlib.suppress(ProcessLookupError):
        server.stop()
