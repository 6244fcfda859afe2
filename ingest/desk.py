"""Sorting a batch: from what its messages told us to the rows of one transaction. Pure; `batch` reads and writes.

The homes are locked while a desk works, so what it was given about sensors and hubs is what the last commit left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ingest import dialects
from ingest.arrival import Item
from ingest.changes import LastSaid, believed_fall, change, value_fault
from ingest.clocks import Clocks, Hub
from ingest.dialects import native
from ingest.said import HubSaid, NewCheckIn, NewEvent, SensorSaid
from ingest.sequences import Seen
from ingest.told import CheckIn, How, Offer, Reading, SensorNews, TimeLimits, Told, better_offer
from ingest.wire import Dialect, Reason, Rejected, Topic, home_of
from store.home import SensorKind
from store.hub import HubState
from store.intake_open import IntakeHome, IntakeSensor
from store.rejected_message import RejectedMessage


@dataclass(slots=True, kw_only=True)
class Desk:
    """Takes the items of a batch one by one, in order."""

    homes: Mapping[str, IntakeHome]
    sensors: Mapping[tuple[int, str], IntakeSensor]
    sequences: dict[tuple[int, str], Seen]
    clocks: Clocks  # of native hubs
    limits: TimeLimits
    new: list[NewEvent | NewCheckIn] = field(default_factory=list)  # in order
    hubs: dict[int, HubSaid] = field(default_factory=dict)
    said: dict[int, SensorSaid] = field(default_factory=dict)  # by sensor id
    offers: dict[int, dict[str, Offer]] = field(default_factory=dict)  # by home id
    rejected: list[RejectedMessage] = field(default_factory=list)
    due: dict[tuple[int, str], str] = field(default_factory=dict)  # hubs (home id, boot) to answer -> home code
    _of_home: dict[int, dict[str, SensorKind]] = field(default_factory=dict)

    def take(self, item: Item) -> None:
        """Sort one message."""
        topic, arrival = item.topic, item.arrival
        if isinstance(topic, Rejected):
            self._reject(item, self._below(arrival.topic), topic)
            return
        home = self.homes.get(topic.home_code)
        if home is None:
            self._reject(item, None, Rejected(reason=Reason.UNKNOWN_HOME, detail=f"topic: no home {topic.home_code}"))
            return
        if home.partition != topic.partition:
            detail = f"topic: home {home.code} is in partition {home.partition:02d}"
            self._reject(item, None, Rejected(reason=Reason.WRONG_PARTITION, detail=detail))
            return
        hub = self._hub(home)
        if not arrival.is_retained:
            hub.last_heard_at = arrival.received_at
        told = self._read(item, topic, home)
        for boot in told.boots:
            self.due[home.id, boot] = home.code
        for rejected in told.rejected:
            if self._is_first(home, rejected.boot, rejected.seq):
                self._reject(item, home, rejected)
        for reading in told.readings:
            self._take_reading(item, home, reading)
        for check_in in told.check_ins:
            self._take_check_in(item, home, hub, check_in)
        for news in told.sensors:
            self._take_news(item, home, news)
        for offer in told.offers:
            offers = self.offers.setdefault(home.id, {})
            offers[offer.code] = better_offer(offers.get(offer.code), offer)
        if told.readings and hub.state is not HubState.ONLINE:
            hub.state = HubState.ONLINE

    def _below(self, topic: str) -> IntakeHome | None:
        """The home whose credential may publish there: what it words wrongly is shown with its equipment."""
        partition, code = home_of(topic) or (None, "")
        home = self.homes.get(code)
        return home if home is not None and home.partition == partition else None

    def _read(self, item: Item, topic: Topic, home: IntakeHome) -> Told:
        if item.told is not None:
            return item.told
        return dialects.read(
            topic,
            item.arrival.payload,
            is_retained=item.arrival.is_retained,
            sensors=self._kinds(home),
            received_at=item.arrival.received_at,
            limits=self.limits,
        )

    def _kinds(self, home: IntakeHome) -> dict[str, SensorKind]:
        if not self._of_home:
            for (home_id, code), sensor in self.sensors.items():
                self._of_home.setdefault(home_id, {})[code] = sensor.kind
        return self._of_home.get(home.id, {})

    def _take_reading(self, item: Item, home: IntakeHome, reading: Reading) -> None:
        received_at = item.arrival.received_at
        boot, seq, value = reading.boot, reading.seq, reading.value
        if boot is not None and seq is not None:
            seen = self.sequences[home.id, boot]
            if not seen.has_room_for(seq):
                detail = f"seq: {seq} would be one gap too many; the lower numbers have to come first"
                self._reject(item, home, _unfit(reading, Reason.TOO_MANY_GAPS, detail))
                return
            if not seen.add(seq):
                return
        sensor = self.sensors.get((home.id, reading.sensor))
        if sensor is None:
            detail = f"sensor: no sensor {reading.sensor!r} in this home"
            self._reject(item, home, _unfit(reading, Reason.UNKNOWN_SENSOR, detail))
            return
        fault = value_fault(sensor.kind, value) if reading.how is not How.WATTS else None
        if fault is not None:
            self._reject(item, home, _unfit(reading, Reason.VALUE, f"value: {fault}"))
            return
        said = self._said(sensor)
        hub_at = None
        if boot is not None:
            at, hub_at = self.clocks.corrected((home.id, boot), reading.at, received_at=received_at)
            reading = reading._replace(at=at) if hub_at is not None else reading
        told, said.last = change(reading, said.last)
        said.last_heard_at = received_at
        if told is not None:
            event = NewEvent(sensor.home_id, sensor.id, reading.at, received_at, told, seq is not None, hub_at)
            self.new.append(event)

    def _take_check_in(self, item: Item, home: IntakeHome, hub: HubSaid, told: CheckIn) -> None:
        if told.is_retained and (told.state is not HubState.OFFLINE or hub.state is not HubState.ONLINE):
            return  # an old statement; only that the hub has gone may be news to us
        if not told.is_stated:
            self._believe_falls(item, home, told.at)
            if not _is_due(told.at, hub, home):
                hub.state = HubState.ONLINE
                return
        at, sent_at, hub_at = self._in_our_time(item, home, told)
        backlog = told.backlog
        if backlog is None:
            is_late = not told.is_stated and item.arrival.received_at - told.at > 2 * home.check_in_interval
            backlog = max(hub.backlog or 0, 1 if is_late else 0)
        self.new.append(
            NewCheckIn(
                home_id=home.id,
                at=at,
                received_at=item.arrival.received_at,
                state=told.state,
                backlog=backlog if told.state is HubState.CHECKIN else hub.backlog or 0,
                sent_at=sent_at,
                hub_at=hub_at,
                is_complete=self._is_complete(home, told),
            )
        )
        hub.state = HubState.OFFLINE if told.state is HubState.OFFLINE else HubState.ONLINE
        if told.state is HubState.CHECKIN:
            hub.last_hub_time = at
        if told.is_stated and told.backlog is not None:
            hub.backlog = told.backlog
        hub.battery_percent = told.battery_percent if told.battery_percent is not None else hub.battery_percent
        hub.signal_dbm = told.signal_dbm if told.signal_dbm is not None else hub.signal_dbm

    def _is_complete(self, home: IntakeHome, told: CheckIn) -> bool:
        """Whether every reading that happened before it has come. A broker may put messages in another order."""
        if told.boot is None or told.seq is None:
            return True
        return self.sequences[home.id, told.boot].contiguous >= told.seq

    def _in_our_time(
        self, item: Item, home: IntakeHome, told: CheckIn
    ) -> tuple[datetime, datetime | None, datetime | None]:
        """When a native hub's word was said and sent, as far as its clock is known; what the clock said, if not that.

        A bridge has no clock of its own that we could measure.
        """
        received_at = item.arrival.received_at
        if not isinstance(item.topic, Topic) or item.topic.dialect is not Dialect.NATIVE:
            return told.at, told.sent_at, None
        clock: Hub = (home.id, told.boot or "")
        sent_at = told.sent_at or (told.at if not told.backlog else None)
        if told.state is HubState.CHECKIN and sent_at is not None:
            self.clocks.note(clock, sent_at=sent_at, received_at=received_at)
        at, hub_at = self.clocks.corrected(clock, told.at, received_at=received_at)
        return at, self.clocks.sent(clock, told.sent_at), hub_at

    def _believe_falls(self, item: Item, home: IntakeHome, at: datetime) -> None:
        """Any message of the home may be the one that shows a plug has been idle for long enough."""
        for code, kind in self._kinds(home).items():
            if kind is SensorKind.APPLIANCE:
                sensor = self.sensors[home.id, code]
                last = self.said[sensor.id].last if sensor.id in self.said else _last_said(sensor)
                if believed_fall(last, at):
                    self._said(sensor).last = LastSaid(value=0.0, value_at=at)
                    received_at = item.arrival.received_at
                    self.new.append(NewEvent(home.id, sensor.id, at, received_at, 0.0, is_numbered=False))

    def _take_news(self, item: Item, home: IntakeHome, news: SensorNews) -> None:
        said = self._said(self.sensors[home.id, news.sensor])
        if news.is_heard:
            said.last_heard_at = item.arrival.received_at
        if news.is_available is not None:
            said.is_available = news.is_available
        if news.battery_percent is not None:
            said.battery_percent = news.battery_percent
        if news.signal_quality is not None:
            said.signal_quality = news.signal_quality
        if news.initial_value is not None and said.last.value is None:
            said.last = LastSaid(value=news.initial_value)

    def _is_first(self, home: IntakeHome, boot: str | None, seq: int | None) -> bool:
        """True unless this reading of the hub has been stored, or kept as rejected, before."""
        return boot is None or seq is None or self.sequences[home.id, boot].add(seq)

    def _hub(self, home: IntakeHome) -> HubSaid:
        hub = self.hubs.get(home.id)
        if hub is None:
            hub = self.hubs[home.id] = HubSaid(
                state=home.hub_state, last_hub_time=home.last_hub_time, backlog=home.backlog
            )
        return hub

    def _said(self, sensor: IntakeSensor) -> SensorSaid:
        found = self.said.get(sensor.id)
        if found is None:
            found = self.said[sensor.id] = SensorSaid(sensor=sensor, last=_last_said(sensor))
        return found

    def _reject(self, item: Item, home: IntakeHome | None, rejected: Rejected) -> None:
        self.rejected.append(rejected_message(item, home.id if home is not None else None, rejected))


def rejected_message(item: Item, home_id: int | None, rejected: Rejected) -> RejectedMessage:
    """The row that keeps what could not be taken."""
    return RejectedMessage(
        home_id=home_id,
        topic=item.arrival.topic,
        payload=item.arrival.payload if rejected.part is None else rejected.part,
        reason=str(rejected.reason),
        detail=rejected.detail,
        received_at=item.arrival.received_at,
    )


def _unfit(reading: Reading, reason: Reason, detail: str) -> Rejected:
    part = None
    if reading.boot is not None and reading.seq is not None:
        part = native.encode_readings(
            [
                native.NativeReading(
                    boot=reading.boot, seq=reading.seq, sensor=reading.sensor, value=reading.value, at=reading.at
                )
            ]
        )
    return Rejected(reason=reason, detail=detail, part=part)


def _is_due(at: datetime, hub: HubSaid, home: IntakeHome) -> bool:
    """Whether a sign of life is worth a check-in: one in half an interval is enough."""
    if hub.state is HubState.OFFLINE or hub.last_hub_time is None:
        return True
    return at - hub.last_hub_time >= home.check_in_interval / 2


def _last_said(sensor: IntakeSensor) -> LastSaid:
    return LastSaid(sensor.value, sensor.value_at, sensor.falling_at)
