"""What a native hub's clock is worth: measured from its check-ins, and corrected. Pure.

A check-in says when it was sent by the hub's clock, and we know when it came by ours. The difference is skew plus the
time on its way, and that time is anything: with ingest or the broker away for hours a right clock looks hours slow. So

    a check-in that came before it was sent    is certain: the skew is at most that
    3 that agree within 10 s                   are believed: a queue that is drained comes closer together than it was
                                               sent, so its check-ins never agree
    12 over half an hour that agree within     are believed too: a poor network delays each by another time
    a tenth of their span

and anything else leaves the skew as it was. A skew of less than half a minute is ignored: it is not told from latency.
A reading whose time cannot be true even so is kept with the time of its receipt.

Why a slow clock is not believed at its first check-in. `sent` cannot tell: (sent, received) of a clock that is an hour
slow is, to the byte, that of a right clock whose check-in waited an hour in the broker. (A check-in of another home
that came on time just before would tell the two apart, but only in a broker that keeps order across homes, which NATS
does not, and for a worker that has other homes: not built.) To take the first for the second costs the readings of two
check-in intervals their right time, and they count as late: no alert. To take the second for the first would move an
outage's old movements to now, and an hour in which nobody moved would look lively. So the first two check-ins of a slow
clock change nothing, and what came with them is not moved afterwards: the model has read it. A clock that is fast is
known at once, because nothing arrives before it was sent.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ingest.told import TimeLimits, time_fault
from store.hub import HubClock

Hub = tuple[int, str]  # home id, boot

FEW, FEW_AGREE = 3, timedelta(seconds=10)
MANY, MANY_SPAN, MANY_AGREE = 12, timedelta(minutes=30), 0.1
_APART = timedelta(seconds=20)  # two of one burst say the same thing once


@dataclass(slots=True, kw_only=True)
class Clocks:
    """The clocks of the hubs of one batch."""

    limits: TimeLimits
    known: dict[Hub, HubClock] = field(default_factory=dict)
    changed: set[Hub] = field(default_factory=set)

    def note(self, hub: Hub, *, sent_at: datetime, received_at: datetime) -> None:
        """A check-in was sent at `sent_at` of the hub's clock and came at `received_at` of ours."""
        before = self._clock(hub, received_at)
        after = measured(before, sent_at, received_at, ignored=self.limits.ignored_skew)
        if after is not before:
            self._keep(hub, after, received_at)

    def corrected(self, hub: Hub, at: datetime, *, received_at: datetime) -> tuple[datetime, datetime | None]:
        """When it happened, and what the hub's clock said if that is another time."""
        clock = self.known.get(hub)
        if clock is not None and clock.skew:
            better = _shifted(at, clock.skew)
            if better is not None and time_fault(better, now=received_at, limits=self.limits) is None:
                return better, at
        if time_fault(at, now=received_at, limits=self.limits) is None:
            return at, None
        clock = self._clock(hub, received_at)
        self._keep(
            hub,
            replace(clock, implausible=clock.implausible + 1, implausible_at=received_at, implausible_hub_at=at),
            received_at,
        )
        return received_at, at

    def sent(self, hub: Hub, sent_at: datetime | None) -> datetime | None:
        """When it was published, corrected as far as the skew is known."""
        clock = self.known.get(hub)
        if sent_at is None or clock is None:
            return sent_at
        return _shifted(sent_at, clock.skew)

    def _clock(self, hub: Hub, now: datetime) -> HubClock:
        return self.known.get(hub) or HubClock(home_id=hub[0], boot=hub[1], updated_at=now)

    def _keep(self, hub: Hub, clock: HubClock, now: datetime) -> None:
        self.known[hub] = replace(clock, updated_at=now)
        self.changed.add(hub)


def measured(clock: HubClock, sent_at: datetime, received_at: datetime, *, ignored: timedelta) -> HubClock:
    """The clock as it is believed after one more check-in; the same object if that tells nothing new."""
    sent, received = sent_at.timestamp(), received_at.timestamp()
    offset, known = received - sent, clock.skew.total_seconds()
    tolerance = max(FEW_AGREE, ignored / 3).total_seconds()
    if abs(offset - known) <= tolerance or (known == 0 and abs(offset) <= ignored.total_seconds()):
        return clock if not clock.sent else replace(clock, sent=(), received=())
    if offset < known:
        return _believed(clock, offset, received_at, ignored)
    if clock.sent and 0 <= sent - clock.sent[-1] < _APART.total_seconds():
        return clock
    is_forward = bool(clock.sent) and sent > clock.sent[-1] and received > clock.received[-1]
    sents = (*clock.sent, sent)[-MANY:] if is_forward else (sent,)
    receiveds = (*clock.received, received)[-MANY:] if is_forward else (received,)
    offsets = [theirs - ours for ours, theirs in zip(sents, receiveds, strict=True)]
    few = offsets[-FEW:]
    if len(few) == FEW and max(few) - min(few) <= tolerance:
        return _believed(clock, min(few), received_at, ignored)
    span = min(sents[-1] - sents[0], receiveds[-1] - receiveds[0])
    is_many = len(offsets) == MANY and span >= MANY_SPAN.total_seconds()
    if is_many and max(offsets) - min(offsets) <= MANY_AGREE * span:
        return _believed(clock, min(offsets), received_at, ignored)
    return replace(clock, sent=sents, received=receiveds)


def _believed(clock: HubClock, offset: float, received_at: datetime, ignored: timedelta) -> HubClock:
    skew = timedelta(seconds=offset) if abs(offset) > ignored.total_seconds() else timedelta(0)
    return replace(clock, skew=skew, measured_at=received_at, sent=(), received=())


def _shifted(at: datetime, by: timedelta) -> datetime | None:
    try:
        return at + by
    except OverflowError:
        return None
