"""The faults of `telecare bench faults`: what breaks while a story is being told, and what makes it whole again.

A row's script runs while the hubs tell. It strikes as often as it should, each time with readings under way, and
returns when everything works again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from deploy.bench.fault_disk import CAN_BE_FULL, Disk
from deploy.bench.fault_parts import BROKERS, Parts
from deploy.bench.fault_strikes import NotBroken, Run, Size
from simulators.story import Story, Stretch

_FULL_WITHIN = 60.0  # seconds: else the fault has not come about
_HOUR = 3_600.0
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY
_ROUND = 8  # homes that speak in turn
_LONGER = 1.3  # than expected; what is left of a story when all is done is told at once
_USUAL_START = 1.2  # seconds that ingest takes to start on a quiet machine

WHOLE = Size(
    kills=50,
    others=5,
    away=2.0,
    half_open=10.0,
    tells=False,
    queue_bytes=1_048_576,
    bridged=5_000,
    least=30.0,
    pauses=1.0,
    all_flowing=True,
    patience_s=(10.0, 80.0),
)
SHORT = Size(
    kills=3,
    others=1,
    away=0.3,
    half_open=1.0,
    tells=True,
    queue_bytes=65_536,
    bridged=600,
    least=2.0,
    pauses=0.2,
    all_flowing=False,
    patience_s=(3.0, 20.0),
)

Scripted = Callable[[Run], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table."""

    name: str  # for `--only`
    title: Callable[[Size], str]
    script: Scripted
    strikes: Callable[[Size], int]
    story: Callable[[float, float, int, int], Story]  # begins, seconds, readings, number of the home
    each: Callable[[Size], float] = lambda _: 0.0  # seconds that a strike and its recovery are expected to take
    no_network: Callable[[float, float], Sequence[tuple[float, float]]] = lambda begins, seconds: ()
    prepare: Callable[[Parts, Size], None] = lambda parts, size: None  # before the story begins
    moment: str = "when it struck"  # at which readings are counted that are under way
    has_bridge: bool = False
    is_possible: bool = True  # on this machine
    brokers: Sequence[str] = BROKERS

    def seconds(self, size: Size, *, ingest_starts_in: float) -> float:
        """How long the story takes: longer than the strikes, also on a machine that is slow."""
        slower = max(1.0, ingest_starts_in / _USUAL_START)
        return max(size.least, _LONGER * slower * self.strikes(size) * self.each(size))


def _plain(begins: float, seconds: float, readings: int, home: int) -> Story:
    """Steadily, and the homes one after the other: so that there is always something under way."""
    steady = Stretch(begins=begins, ends=begins + seconds, readings=readings)
    shift = steady.step * (home % _ROUND) / _ROUND
    return Story(stretches=(replace(steady, begins=begins + shift),))


def _nothing() -> None:
    pass


def _undisturbed(run: Run) -> None:
    run.until(1.0)


def _broker_killed(run: Run) -> None:
    if run.bridge is not None:
        run.bridge.publish_every(0.02)
    for _ in range(run.size.others):
        run.pause(2.0)  # longer than Mosquitto needs to save
        run.strike(run.parts.kill_broker, run.parts.start_broker, away=run.size.away)


def _database_killed(run: Run) -> None:
    for _ in range(run.size.others):
        run.pause(1.0)
        run.strike(run.parts.kill_database, run.parts.start_database, away=run.size.away)


def _ingest_killed(run: Run) -> None:
    """Anywhere between two commits; each fifth time it is killed again while it starts or catches up."""
    for number in range(run.size.kills):
        run.pause(0.5)
        is_followed = number % 5 == 3 and number + 1 < run.size.kills
        run.strike(run.parts.kill_ingest, run.parts.start_ingest, waits=not is_followed)
        if is_followed:
            run.pause(2 * _USUAL_START)


def _hubs_killed(run: Run) -> None:
    for _ in range(run.size.others):
        run.pause(1.0)
        run.strike(run.parts.kill_hubs, lambda: run.parts.start_hubs(run.telling))


_BEFORE = 0.3  # of the story's seconds, before the outage
_AGAIN = 1.0  # second before the day is over


def _day_offline(run: Run) -> None:
    """What is under way then is what the hubs hold when the network comes back."""
    run.until(_BEFORE)
    back = run.begins + _BEFORE * run.seconds + _DAY
    run.parts.jump_to(back - 2 * _AGAIN)
    run.strike(_nothing, lambda: run.parts.sleep_until(back - _AGAIN))


def _day_offline_story(begins: float, seconds: float, readings: int, _: int) -> Story:
    """A tenth before, eight tenths during the day, a tenth after it."""
    start, end = begins + _BEFORE * seconds, begins + _DAY + _BEFORE * seconds
    tenth = readings // 10
    return Story(
        stretches=(
            Stretch(begins=begins, ends=start, readings=tenth),
            Stretch(begins=start, ends=end, readings=readings - 2 * tenth),
            Stretch(begins=end, ends=end + (1 - _BEFORE) * seconds, readings=tenth),
        )
    )


def _day_offline_network(begins: float, seconds: float) -> Sequence[tuple[float, float]]:
    start = begins + _BEFORE * seconds
    return ((start, start + _DAY - _AGAIN),)


def _week_late(run: Run) -> None:
    run.strike(_nothing, _nothing)


def _week_late_story(begins: float, seconds: float, readings: int, home: int) -> Story:
    """Every second hub holds a week and tells it in one go; the others tell what happens meanwhile."""
    if home % 2:
        return _plain(begins, seconds, readings, home)
    return Story(stretches=(Stretch(begins=begins - 7 * _DAY, ends=begins - _HOUR, readings=readings),))


def _network_cut(run: Run) -> None:
    """Both ends hear of it: in turn the hubs' line and that of ingest."""
    for number in range(run.size.others):
        network = run.parts.ingest_network if number % 2 else run.parts.hub_network
        run.pause(1.0)
        run.strike(network.cut, network.mend, away=run.size.away)


def _network_half_open(run: Run) -> None:
    """What is sent disappears, and nobody hears of it: the hubs' line, and before that has recovered that of ingest."""
    for network in (run.parts.hub_network, run.parts.ingest_network):
        run.pause(1.0)
        mend = partial(network.mend, tells=run.size.tells)
        run.strike(network.swallow, mend, away=run.size.half_open, waits=False)
    run.recover()


def _queue_full(run: Run) -> None:
    """Ingest is away and a bridge fills its queue: what then comes, Mosquitto confirms and throws away."""
    parts, bridge = run.parts, run.bridge
    assert bridge is not None
    run.pause(1.0)

    def fill() -> None:
        parts.kill_ingest()
        bridge.publish(run.size.bridged)
        _wait_for(parts.has_dropped, "the broker's queue did not get full")

    run.strike(fill, parts.start_ingest, away=run.size.away)
    parts.restart_broker()


def _disk_full(run: Run) -> None:
    disk = Disk(run.parts)
    run.pause(1.0)

    def fill() -> None:
        disk.fill()
        _wait_for(lambda: disk.refusals() > 0, "the database always had room")

    run.strike(fill, disk.free, away=run.size.away)
    run.notes.append(f"the database refused {disk.refusals()} times")


def _wait_for(claim: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _FULL_WITHIN
    while not claim():
        if time.monotonic() > deadline:
            raise NotBroken(f"{otherwise}: nothing is shown by this")
        time.sleep(0.1)


_CLOCK = (-1.0, 0.0, _DAY, 0.0, -_YEAR, 0.0)  # how wrong in each part; the first stands for 1970


def _clock_jumps(run: Run) -> None:
    for number in range(1, len(_CLOCK)):
        run.until(number / len(_CLOCK))
        run.strike(_nothing, _nothing)


def _clock_jumps_story(begins: float, seconds: float, readings: int, _: int) -> Story:
    """1970 at boot, right, a day ahead, right, a year back, right."""
    part, share = seconds / len(_CLOCK), readings // len(_CLOCK)
    shares = [share] * (len(_CLOCK) - 1) + [readings - (len(_CLOCK) - 1) * share]
    return Story(
        stretches=tuple(
            Stretch(
                begins=begins + number * part,
                ends=begins + (number + 1) * part,
                readings=each,
                wrong_by=by if number else -begins + 60.0,
            )
            for number, (by, each) in enumerate(zip(_CLOCK, shares, strict=True))
        )
    )


FAULTS = (
    Fault(name="none", title=lambda _: "none, for comparison", script=_undisturbed, strikes=lambda _: 0, story=_plain),
    Fault(
        name="broker",
        title=lambda _: "broker `kill -9`",
        script=_broker_killed,
        strikes=lambda size: size.others,
        story=_plain,
        each=lambda size: size.away + 7.0,
        has_bridge=True,
    ),
    Fault(
        name="database",
        title=lambda _: "database `kill -9`",
        script=_database_killed,
        strikes=lambda size: size.others,
        story=_plain,
        each=lambda size: size.away + 3.0,
    ),
    Fault(
        name="ingest",
        title=lambda _: "ingest `kill -9`",
        script=_ingest_killed,
        strikes=lambda size: size.kills,
        story=_plain,
        each=lambda _: 2.0,
    ),
    Fault(
        name="hub",
        title=lambda _: "hubs `kill -9`, all at once",
        script=_hubs_killed,
        strikes=lambda size: size.others,
        story=_plain,
        each=lambda _: 4.0,
    ),
    Fault(
        name="outage",
        title=lambda _: "hubs offline for 24 h",
        script=_day_offline,
        strikes=lambda _: 1,
        story=_day_offline_story,
        no_network=_day_offline_network,
        moment="when the network came back",
    ),
    Fault(
        name="late",
        title=lambda _: "every second hub tells a week in one burst",
        script=_week_late,
        strikes=lambda _: 1,
        story=_week_late_story,
        moment="when the burst began",
    ),
    Fault(
        name="network",
        title=lambda size: f"network cut for {size.away:g} s, hubs' line and ingest's",
        script=_network_cut,
        strikes=lambda size: size.others,
        story=_plain,
        each=lambda size: size.away + 4.0,
    ),
    Fault(
        name="half-open",
        title=lambda size: f"line half-open for {size.half_open:g} s, hubs' and ingest's",
        script=_network_half_open,
        strikes=lambda _: 2,
        story=_plain,
        each=lambda size: size.half_open + (3.0 if size.tells else 20.0),
    ),
    Fault(
        name="queue",
        title=lambda size: f"broker's queue full (limit {size.queue_bytes:,} bytes), ingest away",
        script=_queue_full,
        strikes=lambda _: 1,
        story=_plain,
        prepare=lambda parts, size: parts.restart_broker(queue_bytes=size.queue_bytes),
        brokers=("mosquitto",),  # NATS has no such limit but its disk, and then takes nobody in
        has_bridge=True,
    ),
    Fault(
        name="disk",
        title=lambda _: "database's disk full",
        script=_disk_full,
        strikes=lambda _: 1,
        story=_plain,
        prepare=lambda parts, _: Disk(parts).make_large(),
        is_possible=CAN_BE_FULL,
    ),
    Fault(
        name="clock",
        title=lambda _: "hub's clock in 1970, a day ahead, a year back",
        script=_clock_jumps,
        strikes=lambda _: len(_CLOCK) - 1,
        story=_clock_jumps_story,
    ),
)
