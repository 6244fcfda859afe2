"""The network itself: takes texts, brings them to phones, tells the service, and lets phones answer.

Knows nothing of HTTP servers; `rest` and `page` stand in front of it. `step` does one thing that is due.
"""

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from simulators.phone.answering import Phone, code_asked_for, intended_answer, settles
from simulators.phone.courier import Courier, Posted
from simulators.phone.forms import (
    DOCUMENT_UNREADABLE,
    RETRIEVAL_FAILED,
    Unreadable,
    inbound_form,
    status_form,
    texts_in,
)
from simulators.phone.journal import Journal
from simulators.phone.message import Direction, Message, Status, new_sid
from simulators.phone.mischief import Mischief, Post, Stage
from simulators.phone.order import Order
from simulators.phone.refusals import Refused
from store.clock import Clock

log = logging.getLogger(__name__)

INBOUND_PATH = "/webhooks/twilio/sms"

# The carrier's own words: it acts on them and answers itself. The service is told as well.
STOP_WORDS = frozenset(["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"])
START_WORDS = frozenset(["START", "YES", "UNSTOP"])
HELP_WORDS = frozenset(["HELP", "INFO"])
STOPPED = (
    "You have successfully been unsubscribed. You will not receive any more messages from this number."
    " Reply START to resubscribe."
)
STARTED = (
    "You have successfully been re-subscribed to messages from this number."
    " Reply HELP for help. Reply STOP to unsubscribe."
)
HELP = "Reply STOP to unsubscribe. Msg&Data Rates May Apply."

LONGEST_SLEEP = 0.5  # real seconds between two looks at the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The service's account with the network."""

    sid: str
    auth_token: str
    sender: str  # the one number it owns
    messaging_service_sid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transit:
    """How long a text is under way, in real time."""

    until_sent: timedelta = timedelta(milliseconds=100)
    until_delivered: timedelta = timedelta(milliseconds=200)


class PhoneNetwork:
    """All phones, all texts. `public_url` is where the service's webhooks are; None: replies are kept here only."""

    def __init__(
        self,
        *,
        account: Account,
        clock: Clock,
        journal: Journal,
        courier: Courier,
        mischief: Mischief,
        phones: Iterable[Phone] = (),
        public_url: str | None = None,
        transit: Transit | None = None,
    ) -> None:
        self.account = account
        self.clock = clock
        self.journal = journal
        self.courier = courier
        self.mischief = mischief
        self.phones = {phone.number: phone for phone in phones}
        self.public_url = public_url
        self.transit = transit or Transit()
        self._news = threading.Event()
        self._stepping = threading.Lock()

    # What the service does ------------------------------------------------------------------------

    def accept(self, order: Order) -> Message:
        """Take a text to be sent, or `Refused`."""
        with self.journal.transaction():
            if order.recipient in self.journal.opted_out():
                raise Refused(21610)
            message = self._new(Direction.OUTBOUND_API, order)
        self._news.set()
        return message

    # What people do -------------------------------------------------------------------------------

    def reply(self, number: str, body: str) -> Message:
        """A person sends a text from the phone to the service."""
        with self.journal.transaction():
            message = self._inbound(number, body)
        self._news.set()
        return message

    # What the network does by itself --------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Do what is due until told to stop."""
        self.journal.take_up_again(now=self.clock.now())
        while not stop.is_set():
            self._news.clear()
            try:
                if self.step():
                    continue
            except Exception:
                log.exception("The phone network stumbled and goes on")
            self._news.wait(self._idle_for())

    def wake(self) -> None:
        """Look again now."""
        self._news.set()

    def step(self) -> bool:
        """Move one text on, or let one phone answer. True if there was one."""
        with self._stepping:
            return self._step(now=self.clock.now())

    def _step(self, *, now: datetime) -> bool:
        # While the service's clock stands still, texts still travel: they are under way in real time.
        until = now if self.clock.speed > 0 else datetime.max.replace(tzinfo=UTC)
        if message := self.journal.next_due(until=until):
            self._move_on(message, now=now)
            return True
        for message in self.journal.intended_answers(until=now)[:1]:
            with self.journal.transaction():
                self.journal.drop_answer(message.number)
                self._inbound(message.recipient, message.answer or "")
            return True
        return False

    @property
    def is_settled(self) -> bool:
        """True when every text has reached its end and the service has been told. Future answers do not count."""
        with self._stepping:  # between moving a text on and telling the service, nothing looks unfinished
            return not self.journal.is_moving() and not self.courier.is_busy

    def _idle_for(self) -> float:
        then = self.journal.waits_until()
        speed = self.clock.speed
        if then is None or speed <= 0:
            return LONGEST_SLEEP
        real = (then - self.clock.now()) / speed
        return min(max(real.total_seconds(), 0.005), LONGEST_SLEEP)

    def _move_on(self, message: Message, *, now: datetime) -> None:
        match message.status:
            case Status.QUEUED:
                self._tell_status(self._send(message, now=now), now=now)
            case Status.SENT:
                self._deliver(message, now=now)
            case Status.RECEIVING:
                # No longer due, so that it is told once; after a kill in between it is told again.
                self.journal.move_on(message.number, Status.RECEIVING, now=now)
                self._tell_inbound(message)
            case _:
                self.journal.move_on(message.number, message.status, now=now, error_code=message.error_code)

    def _send(self, message: Message, *, now: datetime) -> Message:
        if message.validity is not None and now - message.created_at > message.validity:
            return self.journal.move_on(message.number, Status.FAILED, now=now, error_code=30036)
        if fate := self.mischief.fate(Stage.SENDING, to=message.recipient):
            return self.journal.move_on(message.number, fate.status, now=now, error_code=fate.error_code)
        due_at = now + self.clock.stretch(self.transit.until_delivered)
        return self.journal.move_on(message.number, Status.SENT, now=now, due_at=due_at)

    def _deliver(self, message: Message, *, now: datetime) -> None:
        fate = self.mischief.fate(Stage.DELIVERING, to=message.recipient)
        status = fate.status if fate else Status.DELIVERED
        error_code = fate.error_code if fate else None
        with self.journal.transaction():
            moved = self.journal.move_on(message.number, status, now=now, error_code=error_code)
            if status is Status.DELIVERED:
                self._read(moved, now=now)
        if status is not Status.SENT:
            self._tell_status(moved, now=now)

    def _read(self, message: Message, *, now: datetime) -> None:
        """The person looks at the phone: drops an answer that is no longer wanted, or means to give one."""
        code = code_asked_for(message.body)
        for earlier in self.journal.intended_answers(message.recipient):
            asked = code_asked_for(earlier.body)
            if asked is not None and settles(message.body, asked):
                self.journal.drop_answer(earlier.number)
            if asked == code:
                return  # the same question twice: one answer
        phone = self.phones.get(message.recipient)
        if phone and (answer := intended_answer(message.body, phone.behaviour)):
            self.journal.intend_answer(message.number, answer, due_at=now + phone.after)

    # Texts from phones ----------------------------------------------------------------------------

    def _inbound(self, number: str, body: str) -> Message:
        now = self.clock.now()
        message = self.journal.add(
            Message(
                sid=new_sid(),
                direction=Direction.INBOUND,
                sender=number,
                recipient=self.account.sender,
                body=body,
                status=Status.RECEIVING,
                created_at=now,
                updated_at=now,
            ),
            due_at=now,
        )
        for asked in self.journal.intended_answers(number):
            code = code_asked_for(asked.body)
            if code and code in body.upper():
                self.journal.drop_answer(asked.number)  # answered by hand meanwhile
        word = body.strip().upper()
        if word in STOP_WORDS:
            self.journal.opt_out(number, now=now)
            self._carrier_says(number, STOPPED)
        elif word in START_WORDS and number in self.journal.opted_out():
            self.journal.opt_in(number)
            self._carrier_says(number, STARTED)
        elif word in HELP_WORDS:
            self._carrier_says(number, HELP)
        return message

    def _carrier_says(self, number: str, body: str) -> None:
        now = self.clock.now()
        self.journal.add(
            Message(
                sid=new_sid(),
                direction=Direction.OUTBOUND_REPLY,
                sender=self.account.sender,
                recipient=number,
                body=body,
                status=Status.DELIVERED,
                by_carrier=True,
                created_at=now,
                sent_at=now,
                updated_at=now,
            ),
            due_at=None,
        )

    def _tell_inbound(self, message: Message) -> None:
        if self.public_url is None:
            self._told(message, note="")
            return
        post = Post(
            address=self.public_url.rstrip("/") + INBOUND_PATH,
            fields=inbound_form(message, account_sid=self.account.sid),
        )
        posts = self.mischief.posts(Stage.BRINGING_REPLIES, post, phone=message.sender)
        if not posts:
            self._told(message, note="lost on the way")
        for one in posts:
            self.courier.post(one, lambda posted: self._answered(message, posted))

    def _answered(self, message: Message, posted: Posted) -> None:
        """The service has taken the inbound text, or not; its TwiML goes back to the phone."""
        if not posted.arrived:
            self._told(message, note=f"error {RETRIEVAL_FAILED}: {posted.status_code or posted.text}")
            return
        try:
            texts = texts_in(posted.text) if "xml" in posted.content_type else []
        except Unreadable:
            self._told(message, note=f"error {DOCUMENT_UNREADABLE}: the answer is no TwiML")
            return
        with self.journal.transaction():
            for text in texts:
                self._new(
                    Direction.OUTBOUND_REPLY, Order(recipient=message.sender, sender=message.recipient, body=text)
                )
            self._told(message, note="")
        self._news.set()

    def _told(self, message: Message, *, note: str) -> None:
        self.journal.move_on(message.number, Status.RECEIVED, now=self.clock.now(), note=note)

    # Texts to phones ------------------------------------------------------------------------------

    def _new(self, direction: Direction, order: Order) -> Message:
        now = self.clock.now()
        refused = order.recipient in self.journal.opted_out()
        return self.journal.add(
            Message(
                sid=new_sid(),
                direction=direction,
                sender=order.sender,
                recipient=order.recipient,
                body=order.body,
                status=Status.FAILED if refused else Status.QUEUED,
                error_code=21610 if refused else None,
                messaging_service_sid=order.messaging_service_sid,
                status_callback=order.status_callback,
                validity=order.validity,
                created_at=now,
                updated_at=now,
            ),
            due_at=None if refused else now + self.clock.stretch(self.transit.until_sent),
        )

    def _tell_status(self, message: Message, *, now: datetime) -> None:
        if message.status_callback is None:
            return
        post = Post(address=message.status_callback, fields=status_form(message, account_sid=self.account.sid, now=now))
        for one in self.mischief.posts(Stage.CALLING_BACK, post, phone=message.recipient):
            self.courier.post(one)
