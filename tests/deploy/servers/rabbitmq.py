"""RabbitMQ from the system's package, with the files of deploy/rabbitmq/, asking our real API about homes."""

import contextlib
import os
import secrets
import signal
import subprocess
import threading
import uuid
from pathlib import Path

import trustme
from pydantic import SecretStr

from api.main import serve
from api.settings import ApiSettings
from deploy.brokers.rabbitmq import RabbitMQ
from deploy.local_stack.credentials import Credential
from deploy.local_stack.handshake import accepts
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK, free_port, is_free
from deploy.local_stack.process import Process
from store.clock import Clock
from store.database import Conn, Pool
from tests.deploy.servers.common import DEPLOY, Homes, Quirks, account, filled_in, folder_of, program, wait_for

CACHE_SECONDS = 2.0  # the shipped file says 5; a revocation waits as long


class RabbitServer:
    """One node of RabbitMQ, and the api process it asks."""

    name = "rabbitmq"
    quirks = Quirks(dots_stay=False, keeps_ids=False, ends_what_is_too_large=False)

    def __init__(
        self, folder: Path, conn: Conn, pool: Pool, clock: Clock, lifeline: Lifeline, authority: trustme.CA
    ) -> None:
        self._server, self._ctl, self._epmd, _ = program("rabbitmq-server", "rabbitmqctl", "epmd", "erl")
        if self._server.startswith("/usr/sbin"):  # Debian's wrappers insist on the system's own node
            self._server, self._ctl = "/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmqctl"
        self._account = account("rabbitmq")
        self._folder = folder_of(self._account, folder)
        self._lifeline = lifeline
        self._process: Process | None = None
        self._mapper: Process | None = None
        self._stop_api = threading.Event()
        self._api: threading.Thread | None = None
        ports = [free_port() for _ in range(6)]
        self.port, self.homes_port, self._management, self._api_port, self._epmd_port, self._dist = ports
        self.ca: Path | None = folder / "ca.pem"
        self._write_certificates(authority)
        self._secret = secrets.token_urlsafe(32)
        self._ingest, self._control = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        (folder / "rabbitmq.conf").write_text(self._text())
        for name in ("enabled_plugins", "accounts.sh"):  # its account may not be able to walk to our own folder
            (folder / name).write_text((DEPLOY / "rabbitmq" / name).read_text())
        self._give_away(*folder.iterdir())
        self._pool = pool
        self._clock = clock
        self.control = RabbitMQ(
            url=f"http://{LOOPBACK}:{self._management}",
            username="telecare-control",
            password=self._control,
            cache_seconds=CACHE_SECONDS,
        )
        self._homes = Homes(conn, self.control, clock)

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
        """The whole group: a script starts the node, and the node its own helpers."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        assert self._process.wait(5.0)
        wait_for(lambda: is_free(self.port), "the port is free again", seconds=10.0)

    def start(self) -> None:
        first = self._mapper is None
        if first:
            self._start_api()
            self._mapper = self._start_program("epmd", [self._epmd, "-port", str(self._epmd_port)])
        self._process = self._start_program("rabbitmq", [self._server])
        if first:
            wait_for(self._answers, f"RabbitMQ has started; see {self._folder}", seconds=90.0)
            self._add_accounts()
        wait_for(
            lambda: accepts(LOOPBACK, self.port, self.credentials()),
            f"RabbitMQ lets ingest in; its log:\n{(self._folder / 'rabbitmq.log').read_text(errors='replace')[-3000:]}",
            seconds=90.0,
        )

    def stop(self) -> None:
        for process in (self._process, self._mapper):
            if process is not None:
                process.stop(20.0)
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._stop_api.set()
        if self._api is not None:
            self._api.join(timeout=15)

    @property
    def environment(self) -> dict[str, str]:
        """Everything in our folder, on ports of our own, under a name of our own."""
        folder = self._folder
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"telecare-{self._dist}@localhost",
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
        }

    def _start_program(self, name: str, argv: list[str]) -> Process:
        return Process.start(
            name,
            argv,
            environment=self.environment,
            log_file=self._folder / f"{name}.log",
            directory=self._folder,
            account=self._account,
            lifeline=self._lifeline,
        )

    def _answers(self) -> bool:
        done = self._run([self._ctl, "--quiet", "await_startup", "--timeout", "60"])
        return done.returncode == 0

    def _add_accounts(self) -> None:
        done = self._run(
            ["sh", str(self._folder / "accounts.sh")],
            RABBITMQCTL=self._ctl,
            INGEST_PASSWORD=self._ingest,
            CONTROL_PASSWORD=self._control,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def add_publisher(self) -> tuple[str, str]:
        """An account that may write for every home, as no home's may: its name and password."""
        name, password = f"publisher-{uuid.uuid4().hex[:8]}", secrets.token_urlsafe(24)
        for argv in (["add_user", name, password], ["set_permissions", "--vhost", "/", name, ".*", ".*", ".*"]):
            done = self._run([self._ctl, "--quiet", *argv])
            assert done.returncode == 0, done.stdout + done.stderr
        return name, password

    def _run(self, argv: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            env=self.environment | more,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )

    def _start_api(self) -> None:
        settings = ApiSettings(
            public_url=f"http://{LOOPBACK}:{self._api_port}",
            api_host=LOOPBACK,
            api_port=self._api_port,
            broker_secret=SecretStr(self._secret),
        )
        self._api = threading.Thread(target=serve, args=(self._pool, self._clock, settings, self._stop_api))
        self._api.start()

    def _write_certificates(self, authority: trustme.CA) -> None:
        certificate = authority.issue_cert(LOOPBACK, "localhost")
        authority.cert_pem.write_to_path(str(self.ca))
        certificate.private_key_pem.write_to_path(str(self._folder / "server.key"))
        for number, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(str(self._folder / "server.pem"), append=number > 0)

    def _give_away(self, *files: Path) -> None:
        for file in files:
            if self._account is not None:
                os.chown(file, self._account.uid, self._account.gid)

    def _text(self) -> str:
        asked = {
            f"= http://127.0.0.1:8080/broker/THE-SECRET/{what}\n": (
                f"= http://{LOOPBACK}:{self._api_port}/broker/{self._secret}/{what}\n"
            )
            for what in ("user", "vhost", "resource", "topic")
        }
        return filled_in(
            DEPLOY / "rabbitmq" / "rabbitmq.conf",
            {
                "mqtt.listeners.ssl.1 = 8883\n": f"mqtt.listeners.ssl.1 = {LOOPBACK}:{self.homes_port}\n",
                "mqtt.listeners.tcp.1 = 127.0.0.1:1883\n": f"mqtt.listeners.tcp.1 = {LOOPBACK}:{self.port}\n",
                "management.tcp.port = 15672\n": f"management.tcp.port = {self._management}\n"
                f"prometheus.tcp.ip = {LOOPBACK}\nprometheus.tcp.port = {free_port()}\n",
                "certfile = /etc/rabbitmq/certs/": f"certfile = {self._folder}/",
                "keyfile = /etc/rabbitmq/certs/": f"keyfile = {self._folder}/",
                "auth_cache.cache_ttl = 5000\n": f"auth_cache.cache_ttl = {int(CACHE_SECONDS * 1000)}\n",
                "disk_free_limit.absolute = 2GB": "disk_free_limit.absolute = 100MB",
                **asked,
            },
        )
