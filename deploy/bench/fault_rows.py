"""The faults of `telecare bench faults`: what breaks while a story is being told, and what makes it whole again.

A row's script runs while the hubs tell; it returns when everything works again and says from which instant on the hubs'
readings must arrive for the service to have recovered.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from deploy.bench.fault_parts import Parts
from simulators.story import Story, Stretch
from simulators.telling_hubs import Telling

_FULL_WITHIN = 60.0  # seconds after the story: then the fault has not come about
_DAY = 86_400.0
_YEAR = 365 * _DAY


class NotBroken(Exception):
    """A fault did not come about, so that the row would show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a script may use."""

    parts: Parts
    telling: Telling
    seconds: float  # how long the story takes
    size: "Size"
    is_moving: Callable[[], None]  # returns when more is being stored, or after some seconds
    random: random.Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of it: the whole, or so short that it fits into a test."""

    kills: int  # of ingest
    others: int  # kills of whatever else is killed
    away: float  # seconds that a dead part stays dead, or the network cut
    half_open: float  # seconds that what is sent disappears
    tells: bool  # whether the two ends of a half-open connection hear of it at the end, or must find out by themselves
    most_waiting: int  # messages that a full queue takes
    least: float  # seconds that a story takes


WHOLE = Size(kills=50, others=5, away=2.0, half_open=10.0, tells=False, most_waiting=20, least=20.0)
SHORT = Size(kills=3, others=1, away=0.3, half_open=1.0, tells=True, most_waiting=2, least=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table."""

    name: str  # for `--only`
    title: Callable[[Size], str]
    script: Callable[[Run], None]
    story: Callable[[float, float, int], Story]  # begins, seconds, readings
    no_network: Callable[[float, float], Sequence[tuple[float, float]]] = lambda begins, seconds: ()
    seconds: Callable[[Size], float] = lambda size: size.least


def _plain(begins: float, seconds: float, readings: int) -> Story:
    return Story(stretches=(Stretch(begins=begins, ends=begins + seconds, readings=readings),))


def _nothing(run: Run) -> None:
    time.sleep(run.seconds)


def _broker_killed(run: Run) -> None:
    for _ in range(run.size.others):
        run.is_moving()
        run.parts.kill_broker()
        time.sleep(run.size.away)
        run.parts.start_broker()


def _database_killed(run: Run) -> None:
    for _ in range(run.size.others):
        run.is_moving()
        run.parts.kill_database()
        time.sleep(run.size.away)
        run.parts.start_database()


def _ingest_killed(run: Run) -> None:
    for _ in range(run.size.kills):
        run.is_moving()
        time.sleep(run.random.uniform(0.0, 0.5))  # anywhere between two commits
        run.parts.kill_ingest()
        run.parts.start_ingest()


def _hubs_killed(run: Run) -> None:
    for _ in range(run.size.others):
        run.is_moving()
        time.sleep(run.random.uniform(0.0, 0.3))
        run.parts.kill_hubs()
        run.parts.start_hubs(run.telling)


def _day_offline(run: Run) -> None:
    time.sleep(run.seconds * _BEFORE)
    run.parts.jump(timedelta(seconds=_DAY))


_BEFORE = 0.3  # of the story's seconds, before the outage


def _day_offline_story(begins: float, seconds: float, readings: int) -> Story:
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
    return ((start, start + _DAY - 1.0),)


def _network_cut(run: Run) -> None:
    """Cut so that both ends hear of it, then dead so that nobody does: first towards the hubs, then towards ingest."""
    for network in (run.parts.hub_network, run.parts.ingest_network):
        run.is_moving()
        network.cut()
        time.sleep(run.size.away)
        network.mend()
        run.is_moving()
        network.swallow()
        time.sleep(run.size.half_open)
        network.mend(tells=run.size.tells)


def _queue_full(run: Run) -> None:
    """Ingest is away and the broker's queue takes only a few messages: what comes then, it refuses or throws away."""
    run.parts.restart_broker(most_waiting=run.size.most_waiting)
    run.is_moving()
    run.parts.kill_ingest()
    deadline = time.monotonic() + run.seconds + _FULL_WITHIN
    while not run.parts.has_refused():
        if time.monotonic() > deadline:
            raise NotBroken("the broker's queue did not get full: nothing is shown by this")
        time.sleep(0.1)
    time.sleep(run.size.away)
    run.parts.start_ingest()
    run.is_moving()
    run.parts.restart_broker()


def _clock_jumps_story(begins: float, seconds: float, readings: int) -> Story:
    """1970 at boot, right, a day ahead, right, a year back, right."""
    part, share = seconds / 6, readings // 6
    wrong = (-begins + 60.0, 0.0, _DAY, 0.0, -_YEAR, 0.0)
    shares = [share] * 5 + [readings - 5 * share]
    return Story(
        stretches=tuple(
            Stretch(begins=begins + number * part, ends=begins + (number + 1) * part, readings=each, wrong_by=by)
            for number, (by, each) in enumerate(zip(wrong, shares, strict=True))
        )
    )


FAULTS = (
    Fault(name="none", title=lambda _: "none, for comparison", script=_nothing, story=_plain),
    Fault(
        name="broker",
        title=lambda size: f"broker kill -9 × {size.others}",
        script=_broker_killed,
        story=_plain,
        seconds=lambda size: size.least + 4 * size.others,
    ),
    Fault(
        name="database",
        title=lambda size: f"database kill -9 × {size.others}",
        script=_database_killed,
        story=_plain,
        seconds=lambda size: size.least + 4 * size.others,
    ),
    Fault(
        name="ingest",
        title=lambda size: f"ingest kill -9 × {size.kills}",
        script=_ingest_killed,
        story=_plain,
        seconds=lambda size: size.least + 1.5 * size.kills,
    ),
    Fault(
        name="hub",
        title=lambda size: f"hubs kill -9 × {size.others}",
        script=_hubs_killed,
        story=_plain,
        seconds=lambda size: size.least + 2 * size.others,
    ),
    Fault(
        name="outage",
        title=lambda _: "hubs offline for 24 h",
        script=_day_offline,
        story=_day_offline_story,
        no_network=_day_offline_network,
    ),
    Fault(
        name="network",
        title=lambda size: f"network cut, then half-open for {size.half_open:.0f} s",
        script=_network_cut,
        story=_plain,
        seconds=lambda size: size.least + 4 * size.half_open,
    ),
    Fault(name="queue", title=lambda _: "broker's queue full", script=_queue_full, story=_plain),
    Fault(
        name="clock",
        title=lambda _: "hub's clock in 1970, a day ahead, a year back",
        script=_nothing,
        story=_clock_jumps_story,
        seconds=lambda size: 2 * size.least,
    ),
)
