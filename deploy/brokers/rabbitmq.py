"""RabbitMQ: it asks our API about every home, so a new credential is in force by itself; a lost one ends connections.

Its answers are kept for `auth_cache.cache_ttl`. So whoever was revoked might come in once more within that time: the
connections are ended at once, and again when it has passed.
"""

import time
from collections.abc import Sequence
from urllib.parse import quote

import httpx

from deploy.brokers.contract import Change, NotInForce
from store.hub_credential import HubCredential

PATIENCE_SECONDS = 10.0
AGAIN_SECONDS = 1.0


class RabbitMQ:
    """The cluster whose management interface this is."""

    def __init__(self, *, url: str, username: str, password: str, cache_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._login = (username, password)
        self._cache_seconds = cache_seconds

    def check(self) -> None:
        """Raise NotInForce if the management interface does not let us in."""
        with self._http() as http:
            self._ask(http, "GET", "/api/whoami")

    def put_in_force(self, standing: Sequence[HubCredential], change: Change | None) -> None:
        """End the connections of the home whose secret was revoked or replaced, until none can come back."""
        if change is None:
            return
        path = f"/api/connections/username/{quote(change.credential.home_code, safe='')}"
        deadline = time.monotonic() + self._cache_seconds + AGAIN_SECONDS
        with self._http() as http:
            while True:
                self._ask(http, "DELETE", path)
                if time.monotonic() > deadline:
                    return
                time.sleep(min(AGAIN_SECONDS, self._cache_seconds / 2 + 0.1))

    def _http(self) -> httpx.Client:
        return httpx.Client(base_url=self._url, auth=self._login, timeout=PATIENCE_SECONDS, trust_env=False)

    def _ask(self, http: httpx.Client, method: str, path: str) -> None:
        try:
            answer = http.request(method, path, headers={"X-Reason": "this home's credential was changed"})
        except httpx.HTTPError as exc:
            raise NotInForce(f"RabbitMQ's management interface at {self._url} does not answer: {exc}") from exc
        if answer.status_code == httpx.codes.NOT_FOUND and method == "DELETE":
            return  # nobody is connected
        if answer.is_error:
            raise NotInForce(f"RabbitMQ's management interface at {self._url} answers {answer.status_code}")
