"""Ingest without broker and database: topic, dialect and desk, with what a commit would leave, and what must hold.

For each message: nothing is raised; whoever is refused has one of the reasons and a text; whatever is taken could be
written: a time that is believed, a number that is finite and fits its column, a sensor of this home.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from ingest.arrival import Arrival, Item, read_arrival
from ingest.changes import value_fault
from ingest.clocks import Clocks
from ingest.desk import Desk
from ingest.repeats import delivery_key
from ingest.said import NewEvent
from ingest.sequences import Seen
from ingest.told import TimeLimits
from ingest.wire import Reason, Topic
from store.home import SensorKind, partition_of
from store.intake_open import IntakeHome, IntakeSensor
from tests.ingest.fuzz.messages import HOME
from tests.ingest.fuzz.seeds import SENSORS

_BATCH = 200
_SMALLINT, _INTEGER = 2**15, 2**31


@dataclass(slots=True, kw_only=True)
class Intake:
    """Takes messages, a desk for each batch of them, and counts what became of each by dialect."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # messages and readings, by reason
    _limits: TimeLimits = field(default_factory=TimeLimits)
    _sequences: dict[tuple[int, str], Seen] = field(default_factory=dict)
    _desk: Desk | None = None
    _taken: int = 0

    def take(self, arrival: Arrival) -> None:
        """Take one message. Raises AssertionError if anything of it must not be, and whatever a parser raises."""
        if self._desk is None or self._taken % _BATCH == 0:
            self._desk = self._new_desk()
        self._taken += 1
        desk = self._desk
        item = read_arrival(arrival, self._limits)
        for boot in item.told.boots if item.told is not None else ():
            desk.sequences.setdefault((1, boot), Seen())
        new, rejected, offers = len(desk.new), len(desk.rejected), sum(map(len, desk.offers.values()))
        desk.take(item)
        assert -(2**63) <= delivery_key(arrival) < 2**63
        self._check(desk, arrival, new, rejected)
        more_offers = sum(map(len, desk.offers.values())) > offers
        self._count(item, desk, new, rejected, has_offered=more_offers)

    def _new_desk(self) -> Desk:
        if len(self._sequences) > 1_000:
            self._sequences.clear()  # boots that were invented
        home = IntakeHome(
            id=1, code=HOME, partition=partition_of(HOME), check_in_interval=timedelta(minutes=5), last_number=0,
            hub_state=None, last_heard_at=None, last_hub_time=None, backlog=None,
        )  # fmt: skip
        sensors = {
            (1, code): IntakeSensor(
                id=index, home_id=1, code=code, kind=kind, value=None, value_at=None, falling_at=None
            )
            for index, (code, kind) in enumerate(SENSORS.items(), 1)
        }
        return Desk(
            homes={HOME: home},
            sensors=sensors,
            sequences=self._sequences,
            clocks=Clocks(limits=self._limits),
            limits=self._limits,
        )

    def _check(self, desk: Desk, arrival: Arrival, new: int, rejected: int) -> None:
        earliest, latest = arrival.received_at - self._limits.oldest, arrival.received_at + self._limits.ahead
        kinds = {sensor.id: sensor.kind for sensor in desk.sensors.values()} if len(desk.new) > new else {}
        for one in desk.new[new:]:
            assert earliest <= one.at <= latest, one
            if isinstance(one, NewEvent):
                assert math.isfinite(one.value), one
                assert value_fault(SensorKind(kinds[one.sensor_id]), one.value) is None, one
            else:
                assert 0 <= one.backlog < _INTEGER, one
        for refused in desk.rejected[rejected:]:
            assert Reason(refused.reason)
            assert refused.detail.strip()
            self.refused[refused.reason] += 1
        for said in desk.said.values():
            assert said.battery_percent is None or 0 <= said.battery_percent <= 100
            assert said.signal_quality is None or 0 <= said.signal_quality <= 255
            assert said.last.value is None or math.isfinite(said.last.value)
        for hub in desk.hubs.values():
            assert hub.battery_percent is None or 0 <= hub.battery_percent <= 100
            assert hub.signal_dbm is None or -_SMALLINT <= hub.signal_dbm < _SMALLINT
            assert hub.backlog is None or 0 <= hub.backlog < _INTEGER
        for offers in desk.offers.values():
            for offer in offers.values():
                assert 0 < len(offer.code) <= 128
                assert (offer.code + offer.model).isprintable()

    def _count(self, item: Item, desk: Desk, new: int, rejected: int, *, has_offered: bool) -> None:
        dialect = str(item.topic.dialect) if isinstance(item.topic, Topic) else "(no topic)"
        outcomes = {refused.reason for refused in desk.rejected[rejected:]}
        if any(isinstance(one, NewEvent) for one in desk.new[new:]):
            outcomes.add("= event")
        elif len(desk.new) > new:
            outcomes.add("= check-in")
        if has_offered:
            outcomes.add("= offer")
        for outcome in outcomes or {"= nothing new"}:
            self.counts[dialect, outcome] += 1
