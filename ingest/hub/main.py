"""`telecare hub`: one home's hub on its own machine. Records what its inputs say, and hands it to `hub.Hub`.

Never ends because a broker, a disk or an input is in trouble; it ends when it is told to. What is recorded survives
a pulled plug; a reading is lost only if the plug is pulled before it is on disk.
"""

import argparse
import logging
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ingest.hub.conditions import SensorConditions
from ingest.hub.hub import Hub
from ingest.hub.inputs import Input, Lines
from ingest.hub.link import BrokerAddress, Credential
from ingest.hub.own_clock import OwnClock, steady_seconds
from ingest.hub.payloads import Condition
from ingest.hub.queue import HubQueue, Item
from ingest.hub.settings import HubSettings, hub_settings
from ingest.hub.vitals import battery_percent, signal_dbm
from ingest.hub.zigbee import Zigbee
from store.clock import Clock, make_clock
from store.home_file import HomeFile, InputError, read_home_file
from store.hub import HubState

log = logging.getLogger(__name__)

_WAIT_S = 0.2  # between two looks at the clock, if nothing comes
_AFTER_FAILURE_S = 1.0  # until a disk that failed is tried again
_TIDY_EVERY_S = 60.0
_PRESENT_INTERVALS = 12  # check-in intervals: what a sensor said longer ago says nothing of the present


class HubProgram:
    """The hub's thread: inputs to disk, disk to broker."""

    def __init__(
        self,
        settings: HubSettings,
        home: HomeFile,
        queue: HubQueue,
        *,
        clock: Clock,
        wake: threading.Event,
        own_clock: OwnClock,
        steady: Callable[[], float] = steady_seconds,
        conditions: SensorConditions | None = None,  # of the sensors, where an input knows them
    ) -> None:
        self._settings, self._queue, self._clock, self._own_clock = settings, queue, clock, own_clock
        self._steady, self._began, self._wake = steady, steady(), wake
        self._interval_s = home.check_in_interval.total_seconds()
        self._conditions, self._tell_at = conditions or SensorConditions(), self._began
        self._inputs: list[Input] = []
        self._was_hearing = True
        self._waiting: tuple[list[Item], dict[str, str]] = ([], {})  # taken, and not on disk yet
        self._check_in_at, self._tidy_at, self._failed_at = self._began, self._began, -_AFTER_FAILURE_S
        self.hub = Hub(
            home_code=home.id,
            queue=queue,
            credential=Credential(username=settings.username, password=settings.password, client_id=settings.client_id),
            address=BrokerAddress(host=settings.broker_host, port=settings.broker_port, tls_ca=settings.broker_tls_ca),
            clock=clock,
            on_news=wake.set,
            condition=self._condition,
            present=_PRESENT_INTERVALS * home.check_in_interval,
        )

    def add_input(self, source: Input) -> None:
        """Listen to this as well."""
        self._inputs.append(source)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        try:
            while not stop.is_set():
                self._wake.clear()
                self.step()
                self._wake.wait(_WAIT_S)
            self._keep(self._clock.now().timestamp())
        finally:
            for source in self._inputs:
                source.close()
            self.hub.close()

    def step(self) -> None:
        """Do what can be done now. A disk in trouble is waited for; nothing taken is forgotten meanwhile."""
        if self._steady() - self._failed_at < _AFTER_FAILURE_S:
            return
        try:
            self._own_clock.look()
            self._keep(self._clock.now().timestamp())
            self._tidy()
            waits = self._steady() - self._began < self._settings.clock_wait_seconds
            self.hub.step(is_holding=waits and not self._own_clock.is_set)
            self._tell_conditions()
        except sqlite3.Error as exc:
            self._failed_at = self._steady()
            log.error("the disk is in trouble, trying again: %s", exc)
            if getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                self._make_room()

    def _keep(self, now: float) -> None:
        if not self._waiting[0]:
            self._take()
        items, said = self._waiting
        is_due = self._steady() >= self._check_in_at and self._is_hearing()
        if is_due:
            items = [*items, Item(now, "hub", HubState.CHECKIN)]
        if items:
            self.hub.record(items, recorded_until=now, said=said)
        self._waiting = ([], {})
        if is_due:
            self._check_in_at = self._steady() + self._interval_s
        for source in self._inputs:
            source.kept()

    def _is_hearing(self) -> bool:
        """Whether a movement would be recorded now. If not there is no check-in: the service must not count on us."""
        is_hearing = all(source.is_hearing for source in self._inputs)
        if is_hearing is not self._was_hearing:
            self._was_hearing = is_hearing
            if is_hearing:
                log.info("all sensors can be heard: checking in again")
            else:
                log.error("sensors cannot be heard: no check-ins until they can")
        return is_hearing

    def _take(self) -> None:
        items: list[Item] = []
        said: dict[str, str] = {}
        for source in self._inputs:
            found, words = source.take(self._clock.now())
            items += found
            said |= words
        self._waiting = (items, said)

    def _tell_conditions(self) -> None:
        """Once in a check-in interval, if there is news. What a lost connection may have lost is told again."""
        if not self.hub.is_connected:
            self._conditions.forget_told()
        elif self._steady() >= self._tell_at:
            words = self._conditions.due(self._clock.now())
            if words is not None:
                self.hub.say_sensors(words)
                self._tell_at = self._steady() + self._interval_s

    def _tidy(self) -> None:
        if self._steady() >= self._tidy_at:
            self._tidy_at = self._steady() + _TIDY_EVERY_S
            self._drop(self._settings.keep_mb * 1e6, days=self._settings.keep_days)

    def _make_room(self) -> None:
        """A disk that is full: a tenth of what is held must go, or nothing new can be kept."""
        try:
            self._drop(0.9 * self._queue.size(), days=None)
        except sqlite3.Error as exc:
            log.error("nor can room be made: %s", exc)

    def _drop(self, size: float, *, days: float | None) -> None:
        # A clock that is not set yet must not make everything look old.
        older_than = None
        if days is not None and self._own_clock.is_set:
            older_than = self._clock.now().timestamp() - days * 86_400
        gone = self._queue.keep_within(int(size), older_than=older_than)
        if gone:
            readings = sum(lost.readings for lost in gone)
            log.error(
                "%d READINGS WERE THROWN AWAY: the service has not taken them for %g days, or %g MB are full",
                readings, self._settings.keep_days, self._settings.keep_mb,
            )  # fmt: skip
            self.hub.say_lost(gone)

    def _condition(self, at: float) -> Condition:
        """How the hub is; of a check-in of the past only that it was on."""
        if self._clock.now().timestamp() - at > self._interval_s:
            return Condition()
        return Condition(
            uptime_s=round(self._steady() - self._began),
            battery_percent=battery_percent(),
            signal_dbm=signal_dbm(),
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `telecare hub` may be told on the command line."""
    parser.description = (
        "Run the hub of one home: keep what its sensors say on this machine's disk until the service has it. "
        "Settings: TELECARE_HUB_… in the environment, or a file; see docs/hub.md."
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="TOML or JSON; the environment overrides it")
    parser.add_argument("--lines", action="store_true", help="take readings as JSON lines from standard input too")


def run(arguments: argparse.Namespace) -> int:
    """Until SIGTERM or Ctrl-C. 2 if the settings are wrong."""
    try:
        settings = hub_settings(arguments.settings)
        home = read_home_file(settings.home_file)
    except InputError as exc:
        print(f"telecare hub: {exc}", file=sys.stderr)
        return 2
    logging.getLogger("ingest.hub").setLevel((arguments.log_level or "info").upper())
    stop, wake = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        queue = HubQueue(settings.data / "queue.sqlite")
    except (OSError, sqlite3.Error) as exc:
        print(f"telecare hub: {settings.data}: cannot be written: {exc}", file=sys.stderr)
        return 2
    try:
        return _run(settings, home, queue, stream=sys.stdin if arguments.lines else None, stop=stop, wake=wake)
    except InputError as exc:
        print(f"telecare hub: {exc}", file=sys.stderr)
        return 2
    finally:
        queue.close()


def _run(
    settings: HubSettings,
    home: HomeFile,
    queue: HubQueue,
    *,
    stream: IO[str] | None,
    stop: threading.Event,
    wake: threading.Event,
) -> int:
    clock = make_clock()
    own_clock = OwnClock(queue, wall=lambda: clock.now().timestamp(), sync_file=settings.clock_sync_file)
    conditions = SensorConditions()
    program = HubProgram(settings, home, queue, clock=clock, wake=wake, own_clock=own_clock, conditions=conditions)
    sensors = {sensor.id: sensor.kind for sensor in home.sensors}
    if stream is not None or settings.socket is not None:
        lines = Lines(sensors, now=clock.now, wake=wake.set)
        program.add_input(lines)
        if stream is not None:
            lines.read(stream)
        if settings.socket is not None:
            try:
                lines.listen(settings.socket)
            except OSError as exc:
                raise InputError(settings.socket, f"cannot be listened on: {exc}") from exc
    if settings.zigbee_host:
        program.add_input(
            Zigbee(
                sensors,
                said=queue.said(),
                host=settings.zigbee_host,
                port=settings.zigbee_port,
                username=settings.zigbee_username,
                password=settings.zigbee_password,
                base=settings.zigbee_topic,
                client_id=f"telecare-hub-{home.id}",
                conditions=conditions,
                now=clock.now,
                wake=wake.set,
            )
        )
    log.info("home %s: %d readings wait on disk", home.id, queue.readings_after(0))
    program.run(stop)
    return 0
