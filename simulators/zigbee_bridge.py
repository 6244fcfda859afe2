"""A Zigbee2MQTT bridge, as far as the broker can tell, in a pretend home.

It cannot number its messages and has no disk: while the broker is away it keeps what its memory holds (1,000
messages, as its MQTT library does), and what happens while the bridge itself is down is lost. So weeks of history
cannot honestly come through it. A bridged home therefore begins with a native hub that uploads the history, and the
bridge takes over once that is committed: `BridgedHome`.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ingest.hub.link import BrokerAddress, Connection, Credential, Will
from ingest.wire import Dialect, home_topic
from simulators.dwelling import Kit
from simulators.hub import HubLike, NativeHub, Outage
from simulators.sensing import Reading
from simulators.source import Source
from simulators.wear import Wear
from simulators.zigbee_payloads import devices_payload, health_payload, payload_of, state_payload
from store.clock import Clock
from store.home import partition_of

HEALTH_EVERY_S = 600.0  # of the bridge's clock; the default of Zigbee2MQTT
_REMEMBERED = 1000  # messages while the broker is away
_IN_FLIGHT = 20
_RETRY_S = 1.0  # real seconds between two connections
_SILENT_BATTERY_S = 25 * 3600.0  # after which the bridge calls a battery sensor unavailable; also its default
_PLUG_AGAIN_S = 30.0  # a plug repeats its power some time after it has changed
_REPEATED_SHARE = 33  # one message in so many comes twice, as on a busy radio


class _Message(NamedTuple):
    topic: str
    payload: bytes
    retain: bool


class ZigbeeBridge:
    """The bridge of one home, live. Everything happens in `step`, in one thread."""

    def __init__(
        self,
        *,
        home_code: str,
        kit: Kit,
        source: Source,
        begins: float,  # epoch seconds; what happened before is not its business
        installed: float,
        credential: Credential,
        address: BrokerAddress,
        clock: Clock,
        on_news: Callable[[], None],
        outages: Sequence[Outage] = (),
        zone: ZoneInfo | None = None,
        wear: Sequence[Wear] = (),
        unplaced: Kit = (),  # paired, but nobody has told the service where they are
    ) -> None:
        self._home_code, self._kit = home_code, kit
        self._sensors = {sensor.id: sensor for sensor in kit}
        self._zone, self._wear, self._unplaced = zone, {worn.sensor: worn for worn in wear}, unplaced
        self._installed, self._started = installed, begins
        self._credential, self._address = credential, address
        self._clock, self._on_news, self._outages = clock, on_news, outages
        self._readings = self._all_readings(source, begins)
        self._next = next(self._readings)
        self._next_health = math.ceil(begins / HEALTH_EVERY_S) * HEALTH_EVERY_S
        self._heard = dict.fromkeys(self._sensors, begins)
        self._unavailable: set[str] = set()
        self._published = 0

        self._connection: Connection | None = None
        self._is_up = False
        self._retry_at = 0.0
        self._waiting: deque[_Message] = deque(maxlen=_REMEMBERED)
        self._on_the_way: deque[_Message] = deque()

    def step(self) -> bool:
        """Say what has happened since."""
        now = self._clock.now().timestamp()
        outage = next((outage for outage in self._outages if outage.start <= now < outage.until), None)
        self._listen()
        self._connect_or_not(is_out=outage is not None)
        self._hear(now, is_dark=outage is not None and outage.is_dark)
        self._flush()
        return False

    def progress(self) -> float:
        """A bridge has no history."""
        return 1.0

    def close(self) -> None:
        """Stop the bridge in order: it says so itself."""
        if self._connection is not None:
            if self._is_up:
                self._connection.publish(self._topic("bridge/state"), state_payload("offline"), retain=True)
            self._connection.close()
            self._connection = None

    # What the sensors say ------------------------------------------------------------------------

    def _all_readings(self, source: Source, begins: float) -> Iterator[Reading]:
        """The readings, and a plug's again a little later."""
        again: list[Reading] = []
        for reading in source(begins):
            while again and again[0].at <= reading.at:
                yield again.pop(0)
            yield reading
            if self._sensors[reading.sensor].kind == "appliance":
                again.append(reading._replace(at=reading.at + _PLUG_AGAIN_S))

    def _hear(self, now: float, *, is_dark: bool) -> None:
        while min(self._next.at, self._next_health) <= now:
            if self._next_health < self._next.at:
                if not is_dark and self._is_up:  # without its broker it has nobody to tell how it is
                    self._say_health(self._next_health)
                self._next_health += HEALTH_EVERY_S
                continue
            if not is_dark:
                self._say_reading(self._next)
            self._next = next(self._readings)

    def _say_reading(self, reading: Reading) -> None:
        sensor = self._sensors[reading.sensor]
        self._heard[sensor.id] = reading.at
        if sensor.id in self._unavailable:
            self._unavailable.discard(sensor.id)
            self._say(f"{sensor.id}/availability", state_payload("online"), retain=True)
        hour = datetime.fromtimestamp(reading.at, self._zone or UTC).hour
        wear = self._wear.get(sensor.id)
        payload = payload_of(sensor, reading, installed=self._installed, hour=hour, wear=wear)
        self._say(sensor.id, payload)
        if round(reading.at * 1000) % _REPEATED_SHARE == 0:
            self._say(sensor.id, payload)

    def _say_health(self, at: float) -> None:
        queued = len(self._waiting)
        self._say(
            "bridge/health",
            health_payload(at=at, started=self._started, queued=queued, published=self._published),
        )
        for code, heard in self._heard.items():
            if code not in self._unavailable and at - heard > _SILENT_BATTERY_S and not self._is_mains(code):
                self._unavailable.add(code)
                self._say(f"{code}/availability", state_payload("offline"), retain=True)

    def _is_mains(self, code: str) -> bool:
        return self._sensors[code].kind == "appliance"

    # The connection --------------------------------------------------------------------------------

    def _listen(self) -> None:
        if self._connection is None:
            return
        for news in self._connection.news():
            if news.is_up:
                self._is_up = True
                self._introduce()
            elif news.is_up is False:
                self._break_off()
                return

    def _introduce(self) -> None:
        """What the bridge says first, retained."""
        first = [_Message(self._topic("bridge/state"), state_payload("online"), True)]
        first.append(_Message(self._topic("bridge/devices"), devices_payload([*self._kit, *self._unplaced]), True))
        for code in self._sensors:
            state = "offline" if code in self._unavailable else "online"
            first.append(_Message(self._topic(f"{code}/availability"), state_payload(state), True))
        for message in first:
            self._send(message)

    def _connect_or_not(self, *, is_out: bool) -> None:
        if is_out and self._connection is not None:
            self._break_off()
        if is_out or self._connection is not None or time.monotonic() < self._retry_at:
            return
        self._connection = Connection(
            credential=self._credential,
            address=self._address,
            will=Will(topic=self._topic("bridge/state"), payload=state_payload("offline"), retain=True),
            subscribe_to=None,
            on_news=self._on_news,
        )

    def _break_off(self) -> None:
        assert self._connection is not None
        unconfirmed = self._connection.in_flight
        self._connection.break_off()
        self._connection, self._is_up = None, False
        self._retry_at = time.monotonic() + _RETRY_S
        lost = list(self._on_the_way)[-unconfirmed:] if unconfirmed else []
        self._waiting = deque([*lost, *self._waiting], maxlen=_REMEMBERED)
        self._on_the_way.clear()

    def _say(self, rest: str, payload: bytes, *, retain: bool = False) -> None:
        self._waiting.append(_Message(self._topic(rest), payload, retain))
        self._published += 1

    def _flush(self) -> None:
        connection = self._connection
        while self._is_up and connection is not None and self._waiting and connection.in_flight < _IN_FLIGHT:
            self._send(self._waiting.popleft())

    def _send(self, message: _Message) -> None:
        assert self._connection is not None
        self._connection.publish(message.topic, message.payload, retain=message.retain)
        self._on_the_way.append(message)
        while len(self._on_the_way) > self._connection.in_flight:
            self._on_the_way.popleft()

    def _topic(self, rest: str) -> str:
        return home_topic(partition_of(self._home_code), self._home_code, Dialect.ZIGBEE2MQTT, rest)


class BridgedHome:
    """A native hub that uploads the history, then a bridge in its place."""

    def __init__(self, history: NativeHub, bridge_from: Callable[[float], ZigbeeBridge], *, now: float) -> None:
        self._history: NativeHub | None = history
        self._bridge_from = bridge_from
        self._now: HubLike = history
        if history.queue.handed_over_at is not None:
            history.close()
            self._history, self._now = None, bridge_from(now)

    def step(self) -> bool:
        """Do what can be done now. True if there is more to do at once."""
        is_busy = self._now.step()
        if self._history is not None and self._history.is_caught_up:
            self._now = self._bridge_from(self._history.hand_over())
            self._history = None
            return True
        return is_busy

    def progress(self) -> float:
        """The share of the history that is committed."""
        return self._now.progress()

    def close(self) -> None:
        """Go off the network."""
        self._now.close()
