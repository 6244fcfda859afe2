"""Posts signed forms to the service in the background, as Twilio does: once, whatever the answer."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from twilio.request_validator import RequestValidator

from simulators.phone.mischief import Post, Signature

log = logging.getLogger(__name__)

PATIENCE = 15.0  # real seconds; Twilio waits as long for a webhook
AT_ONCE = 16  # posts under way; more wait their turn
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came of one form."""

    post: Post
    status_code: int | None  # None: no answer at all
    text: str  # the answer's body, or what went wrong
    content_type: str = ""

    @property
    def arrived(self) -> bool:
        """True if the service took it."""
        return self.status_code is not None and 200 <= self.status_code < 300


class Courier:
    """Signs with the account's secret; remembers what was answered, for the tests."""

    def __init__(self, auth_token: str) -> None:
        self.posted: deque[Posted] = deque(maxlen=REMEMBERED)
        self._right = RequestValidator(auth_token)
        self._wrong = RequestValidator(auth_token[::-1] + "0")
        self._http = httpx.Client(timeout=PATIENCE, trust_env=False)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="courier")
        self._closing = threading.Event()
        self._under_way = 0
        self._changed = threading.Condition()

    def close(self) -> None:
        """Forget what is still waiting; wait for what is under way."""
        self._closing.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    @property
    def is_busy(self) -> bool:
        """True while a form has not been posted yet."""
        with self._changed:
            return self._under_way > 0

    def post(self, post: Post, then: Callable[[Posted], None] | None = None) -> None:
        """Post in the background; `then` is told what came of it."""
        if self._closing.is_set():
            return
        with self._changed:
            self._under_way += 1
        try:
            self._threads.submit(self._deliver, post, then)
        except RuntimeError:  # closed in between
            with self._changed:
                self._under_way -= 1

    def _deliver(self, post: Post, then: Callable[[Posted], None] | None) -> None:
        try:
            if post.delay and self._closing.wait(post.delay):
                return
            posted = self._send(post)
            self.posted.append(posted)
            if then is not None:
                then(posted)
        except Exception:
            log.exception("A form could not be posted", extra={"sid": post.fields.get("MessageSid")})
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _send(self, post: Post) -> Posted:
        headers = {"X-Twilio-Signature": self.sign(post)} if post.signature is not Signature.NONE else {}
        try:
            answer = self._http.post(post.address, data=post.fields, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            log.warning("The service did not answer (%s)", type(exc).__name__, extra={"sid": post.fields["MessageSid"]})
            return Posted(post=post, status_code=None, text=type(exc).__name__)
        if not answer.is_success:
            log.warning("The service answered %d", answer.status_code, extra={"sid": post.fields["MessageSid"]})
        return Posted(
            post=post,
            status_code=answer.status_code,
            text=answer.text,
            content_type=answer.headers.get("Content-Type", ""),
        )

    def sign(self, post: Post) -> str:
        """The signature over the whole address and the sorted fields."""
        validator = self._wrong if post.signature is Signature.WRONG else self._right
        return str(validator.compute_signature(post.address, post.fields))
