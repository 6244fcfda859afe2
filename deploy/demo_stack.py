"""The embedded stack with the demo's world around it: homes, hubs, phones, staff. Used by `telecare demo` and by tests.

While four weeks of history are uploaded and learned the clock stands still at the world's first moment; then it runs.
"""

import json
import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx
import psycopg

from deploy.brokers.embedded import note_made
from deploy.local_stack.credentials import write_private
from deploy.local_stack.ports import LOOPBACK, kept_port
from deploy.local_stack.stack import LocalStack
from deploy.local_stack.supervisor import Service
from deploy.seed import PHONES, SENDER, DemoHome, Login, PretendPhone, logins, seed
from ingest.hub.link import Credential
from simulators.fleet import World, read_world, write_world
from store.database import Conn

LONDON = ZoneInfo("Europe/London")
ANSWERS_WITHIN = timedelta(seconds=60)  # real time, from the start of the services


def first_morning(now: datetime) -> datetime:
    """08:00 in London of today, or of Monday when it is the weekend: when the demo's world begins."""
    local = now.astimezone(LONDON)
    ahead = max(0, 7 - local.weekday()) if local.weekday() >= 5 else 0
    day = local.date() + timedelta(days=ahead)
    return datetime(day.year, day.month, day.day, 8, tzinfo=LONDON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the history of the homes has come."""

    uploaded: float  # share of it that the service has committed, 0 to 1
    learned: int  # homes whose routine reaches up to the world's start
    homes: int

    @property
    def is_done(self) -> bool:
        """Nothing is left of the past."""
        return self.uploaded >= 1.0 and self.learned == self.homes


class DemoStack:
    """Everything of the demo in one folder. Entering starts it with the clock standing still; leaving stops it all.

    A folder that was used before goes on where it stopped: its world is kept, `world` is only for a new one.
    """

    def __init__(
        self, folder: Path, world: World, *, phones: Sequence[PretendPhone] = PHONES, durable: bool = True
    ) -> None:
        self.folder = folder.absolute()
        self._given = world
        self._phones = phones
        self._durable = durable
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.close()

    @property
    def sms_account(self) -> tuple[str, str]:
        """Account and token at the pretend provider."""
        kept = json.loads((self.folder / "sms-account.json").read_text())
        return kept["sid"], kept["token"]

    @property
    def pages_url(self) -> str:
        """Where care staff and clinicians look."""
        return f"http://{LOOPBACK}:{self._pages_port}"

    @property
    def phones_url(self) -> str:
        """Where the responders' phones are."""
        return f"http://{LOOPBACK}:{self._phones_port}"

    def connect(self) -> Conn:
        """A connection to the stack's database, for looking."""
        return psycopg.connect(self.stack.postgres.url(), autocommit=True, connect_timeout=5)

    def progress(self) -> Progress:
        """How far upload and learning of the history have come."""
        try:
            told: dict[str, Any] = json.loads((self._world_data / "progress.json").read_text())
        except FileNotFoundError:
            told = {"homes": {}, "is_history_done": False}
        shares = told["homes"].values()
        uploaded = 1.0 if told["is_history_done"] else min(0.999, sum(shares) / len(self.world.homes))
        with self.connect() as conn:
            row = conn.execute(
                "SELECT count(*) FROM routine WHERE as_of >= %(start)s::timestamptz - interval '20 minutes'",
                {"start": self.world.start},
            ).fetchone()
        return Progress(uploaded=uploaded, learned=row[0] if row else 0, homes=len(self.world.homes))

    def wait_until_it_answers(self) -> None:
        """Return when the pages and the phones answer; raise TimeoutError if they do not."""
        deadline = time.monotonic() + ANSWERS_WITHIN.total_seconds()
        waiting = [f"{self.pages_url}/healthz", self.phones_url]
        while waiting:
            try:
                if httpx.get(waiting[0], timeout=2.0).status_code < 500:
                    waiting.pop(0)
                    continue
            except httpx.HTTPError:
                pass  # not yet
            if time.monotonic() > deadline:
                raise TimeoutError(f"{waiting[0]} does not answer; see the logs in {self.stack.log_dir}")
            self.stack.wait(0.2)

    def _open(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = self.folder / "world.json"
        self.world = read_world(kept) if kept.exists() else self._given
        self.stack = LocalStack(self.folder, speed=0.0, start=self.world.start, durable=self._durable)
        self._closing.enter_context(self.stack)
        self._pages_port = kept_port(self.folder / "pages-port")
        self._phones_port = kept_port(self.folder / "phones-port")
        self._world_data = self.folder / "world"
        self.logins: list[Login] = logins(self.folder / "logins.json")
        self._write_down(kept)
        self.stack.run(self._services())

    def _write_down(self, world_file: Path) -> None:
        homes = [
            DemoHome(
                file=home.file, resident=home.resident, dialect=home.dialect,
                installed_at=self.world.start - home.history, wear=home.wear,
            )
            for home in self.world.homes
        ]  # fmt: skip
        with self.connect() as conn, conn.transaction():
            seed(conn, homes, self.logins, now=self.stack.clock.now())
        made = self.stack.broker.add_homes([home.code for home in self.world.homes])
        with self.connect() as conn, conn.transaction():
            note_made(conn, made, now=self.stack.clock.now())
        credentials = {
            code: Credential(username=one.username, password=one.password, client_id=one.client_id)
            for code, one in made.items()
        }
        self.world = self.world.with_credentials(credentials)
        write_world(self.world, world_file)
        write_private(self.folder / "phones.json", json.dumps([asdict(phone) for phone in self._phones]))
        account = self.folder / "sms-account.json"
        if not account.exists():
            sid, token = f"AC{secrets.token_hex(16)}", secrets.token_hex(16)
            write_private(account, json.dumps({"sid": sid, "token": token}))

    def _services(self) -> list[Service]:
        sid, token = self.sms_account
        provider = {
            "TELECARE_TWILIO_ACCOUNT_SID": sid,
            "TELECARE_TWILIO_AUTH_TOKEN": token,
            "TELECARE_TWILIO_FROM": SENDER,
            "TELECARE_TWILIO_API_URL": self.phones_url,
            "TELECARE_PUBLIC_URL": self.pages_url,
        }
        service = self.stack.service
        return [
            service("ingest", **self.stack.ingest_environment()),
            service("anomaly"),
            service(
                "phone",
                **provider,
                TELECARE_PHONE_PORT=str(self._phones_port),
                TELECARE_PHONE_DATA=str(self.folder / "phones.sqlite"),
                TELECARE_PHONE_CONFIG=str(self.folder / "phones.json"),
            ),
            service("alerts", **provider),
            service("api", **provider, TELECARE_API_HOST=LOOPBACK, TELECARE_API_PORT=str(self._pages_port)),
            service(
                "world",
                TELECARE_WORLD_CONFIG=str(self.folder / "world.json"),
                TELECARE_WORLD_DATA=str(self._world_data),
            ),
        ]
