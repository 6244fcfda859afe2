"""The state of a home in words. Pure: from what the services have noted, never from events of its own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from api.pages.words import ago, duration, local_time
from store.coverage import covered_for
from store.deviation import Deviation, DeviationKind, Grade
from store.fault import FaultKind
from store.overview import HomeOverview
from store.watching import Stage


class State(StrEnum):
    """What a home's line begins with; several may hold at once, the gravest first."""

    DEVIATION = "deviation"
    HUB_SILENT = "hub_silent"
    CANNOT_OBSERVE = "cannot_observe"
    FAULT = "fault"
    NEVER_HEARD = "never_heard"
    NOT_LIVE = "not_live"
    AWAY = "away"
    QUIETER = "quieter"
    CATCHING_UP = "catching_up"
    SHADOW = "shadow"
    LEARNING = "learning"
    AS_USUAL = "as_usual"


LABEL: dict[State, str] = {
    State.DEVIATION: "Not as usual",
    State.HUB_SILENT: "Hub silent",
    State.CANNOT_OBSERVE: "Cannot observe",
    State.FAULT: "Equipment fault",
    State.NEVER_HEARD: "Not heard yet",
    State.NOT_LIVE: "Not live",
    State.AWAY: "Away",
    State.QUIETER: "Quieter than usual",
    State.CATCHING_UP: "Catching up",
    State.SHADOW: "Shadow",
    State.LEARNING: "Learning",
    State.AS_USUAL: "As usual",
}

COLOUR: dict[State, str] = {  # of the tag; the words say it all
    State.DEVIATION: "red",
    State.HUB_SILENT: "orange",
    State.CANNOT_OBSERVE: "orange",
    State.FAULT: "orange",
    State.NEVER_HEARD: "grey",
    State.NOT_LIVE: "grey",
    State.AWAY: "purple",
    State.QUIETER: "yellow",
    State.CATCHING_UP: "blue",
    State.SHADOW: "blue",
    State.LEARNING: "blue",
    State.AS_USUAL: "green",
}

KINDS: dict[str, str] = {
    DeviationKind.INACTIVITY: "No usual activity",
    DeviationKind.DWELL: "Unusually long in one room or out of bed",
    DeviationKind.NOT_UP: "Not up yet",
    DeviationKind.LATE_KITCHEN: "Not in the kitchen yet",
    DeviationKind.NOT_TO_BED: "Not gone to bed",
    DeviationKind.NOT_RETURNED: "Not come back home",
    DeviationKind.UP_AT_NIGHT: "Up at night for unusually long",
    DeviationKind.DOOR_AT_NIGHT: "Front door opened at night",
    DeviationKind.TEMPERATURE: "Unusual temperature at home",
    DeviationKind.GRADUAL: "A change worth asking about",
    DeviationKind.CANNOT_OBSERVE: "Cannot observe this home",
    FaultKind.HUB_SILENT: "Hub silent",
    FaultKind.SENSOR_SILENT: "Sensor silent",
    FaultKind.SENSOR_STUCK: "Sensor stuck",
    FaultKind.BATTERY_LOW: "Battery low",
    FaultKind.WEAK_SIGNAL: "Weak signal",
    FaultKind.CLOCK_WRONG: "Hub clock wrong",
    FaultKind.UNKNOWN_SENSOR: "Sensor not set up",
    FaultKind.REPORTED: "Equipment reported by staff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWords:
    """One thing that holds of a home now."""

    state: State
    detail: str

    @property
    def label(self) -> str:
        """The tag's text."""
        return LABEL[self.state]

    @property
    def colour(self) -> str:
        """The tag's colour, beside its text."""
        return COLOUR[self.state]


def kind_words(kind: str) -> str:
    """What a finding's or an alert's kind is called on a page."""
    return KINDS.get(kind, kind.replace("_", " ").capitalize())


def finding_words(deviation: Deviation) -> str:
    """The same of one finding, of which more is known than of its kind."""
    if deviation.kind is DeviationKind.DWELL:
        is_from_bed = deviation.evidence.get("what") == "out_of_bed"
        return "Out of bed for unusually long" if is_from_bed else "Unusually long in one room"
    return kind_words(deviation.kind)


def equipment_states(home: HomeOverview, *, now: datetime) -> list[StateWords]:
    """What holds of this home's equipment alone, for those who are not to see the resident's day; may be empty."""
    return sorted(_observability(home, now), key=lambda words: list(State).index(words.state))


def states(home: HomeOverview, *, now: datetime) -> list[StateWords]:
    """Everything that holds of this home now, the gravest first; never empty."""
    found = [*_deviations(home, now), *_observability(home, now), *_absence(home, now), *_stage(home, now)]
    if home.learned_days is None or home.warm_up_days is None:
        found.append(StateWords(state=State.LEARNING, detail="nothing learned yet"))
    elif home.warm_up_days > 0:
        days = max(1, round(home.warm_up_days))
        unit = "day" if days == 1 else "days"
        found.append(StateWords(state=State.LEARNING, detail=f"{days} {unit} left"))
    if not found:
        found.append(StateWords(state=State.AS_USUAL, detail=""))
    return sorted(found, key=lambda words: list(State).index(words.state))


def _deviations(home: HomeOverview, now: datetime) -> list[StateWords]:
    found = []
    is_change_said = False  # several figures may have changed: said once, since the first of them
    for kind, grade, since in sorted(home.deviations, key=lambda each: each[2]):
        if kind is DeviationKind.GRADUAL and is_change_said:
            continue
        is_change_said |= kind is DeviationKind.GRADUAL
        detail = f"{kind_words(kind).lower()}, since {local_time(since, home.time_zone, now)}"
        if kind is DeviationKind.CANNOT_OBSERVE:
            found.append(
                StateWords(state=State.CANNOT_OBSERVE, detail=f"since {local_time(since, home.time_zone, now)}")
            )
        elif grade is Grade.NOTICE:
            state = State.QUIETER if kind is DeviationKind.INACTIVITY else State.DEVIATION
            found.append(StateWords(state=state, detail="" if state is State.QUIETER else f"{detail} (notice)"))
        else:
            found.append(StateWords(state=State.DEVIATION, detail=detail))
    return found


def _observability(home: HomeOverview, now: datetime) -> list[StateWords]:
    if home.last_heard_at is None:
        return [*_faults(home, now), StateWords(state=State.NEVER_HEARD, detail="no message from the hub so far")]
    silent_since = [since for kind, since in home.faults if kind is FaultKind.HUB_SILENT]
    silence = now - home.last_heard_at
    found = _faults(home, now)
    if silent_since or silence > covered_for(home.check_in_interval):
        found.append(StateWords(state=State.HUB_SILENT, detail=f"last heard {ago(home.last_heard_at, now)}"))
    elif home.hub_state == "offline":
        found.append(StateWords(state=State.HUB_SILENT, detail=f"it signed off; heard {ago(home.last_heard_at, now)}"))
    if home.backlog and silence <= covered_for(home.check_in_interval):
        found.append(StateWords(state=State.CATCHING_UP, detail=f"{home.backlog} readings still to come"))
    return found


def _faults(home: HomeOverview, now: datetime) -> list[StateWords]:
    """Each kind once, since its first; a silent hub has its own state."""
    first: dict[FaultKind, datetime] = {}
    for kind, since in home.faults:
        if kind is not FaultKind.HUB_SILENT:
            first.setdefault(kind, since)
    return [
        StateWords(
            state=State.FAULT, detail=f"{kind_words(kind).lower()}, since {local_time(since, home.time_zone, now)}"
        )
        for kind, since in first.items()
    ]


def _stage(home: HomeOverview, now: datetime) -> list[StateWords]:
    """What staff must not forget: that nobody is told."""
    if home.stage is Stage.NOT_LIVE:
        return [StateWords(state=State.NOT_LIVE, detail="nobody is told anything about the resident")]
    if home.stage is Stage.SHADOW:
        until = local_time(home.told_from, home.time_zone, now)
        return [StateWords(state=State.SHADOW, detail=f"findings are not told until {until}")]
    return []


def _absence(home: HomeOverview, now: datetime) -> list[StateWords]:
    if home.absence_until is None:
        return []
    reason = f", {home.absence_reason}" if home.absence_reason else ""
    until = local_time(home.absence_until, home.time_zone, now)
    return [StateWords(state=State.AWAY, detail=f"until {until} ({duration(home.absence_until - now)} left){reason}")]
