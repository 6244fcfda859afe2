"""A running phone network, the real `twilio` package in front of it, and a service that notes what it is told."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from simulators.phone.running import RunningPhones, running_phone_network
from store.clock import Clock

ASHA, BEN = "+447700900101", "+447700900102"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class RedirectedHttpClient(TwilioHttpClient):  # type: ignore[misc]  # the twilio package has no types
    """The package's own HTTP, sent to another host; nothing else is changed."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=1.0)
        self._url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._url), *args, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One form that the service was posted."""

    path: str  # with its query
    fields: dict[str, str]
    signature: str | None


@dataclass
class Service:
    """What a service does at its webhooks; `answers` may be changed by a test."""

    url: str = ""
    told: list[Told] = field(default_factory=list)
    status: int = 200
    twiml: str = ""

    def statuses(self) -> list[str]:
        return [each.fields["MessageStatus"] for each in self.told if "MessageStatus" in each.fields]

    def replies(self) -> list[dict[str, str]]:
        return [each.fields for each in self.told if each.path == "/webhooks/twilio/sms"]


@pytest.fixture
def service() -> Iterator[Service]:
    noted = Service()

    class Webhooks(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            signature = self.headers.get("X-Twilio-Signature")
            noted.told.append(
                Told(path=self.path, fields=dict(parse_qsl(body, keep_blank_values=True)), signature=signature)
            )
            self.send_response(noted.status)
            self.send_header("Content-Type", "text/xml")
            self.end_headers()
            self.wfile.write(noted.twiml.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhooks)
    noted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield noted
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def network_of_this_file() -> Iterator[RunningPhones]:
    with running_phone_network(clock=Clock(real_start=datetime.now(UTC), start=NOON)) as running:
        yield running


@pytest.fixture
def phones(network_of_this_file: RunningPhones, service: Service) -> RunningPhones:
    """The network as if just started, with the service behind it."""
    network_of_this_file.forget()
    network_of_this_file.network.public_url = service.url
    return network_of_this_file


@pytest.fixture
def twilio(phones: RunningPhones) -> Iterator[Client]:
    http = RedirectedHttpClient(phones.url)
    yield Client(phones.account.sid, phones.account.auth_token, http_client=http)
    http.session.close()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """Plain HTTP, without the `twilio` package."""
    with httpx.Client(trust_env=False) as plain:
        yield plain
