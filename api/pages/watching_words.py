"""How a home is watched, and whether the promise about false alerts is kept, in plain words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp

from api.pages.alert_words import who
from api.pages.words import local_time
from store.alert import SERVICE
from store.alert_rate import WINDOW, AlertRate
from store.governor import GovernorDay
from store.watching import Stage, Watching

BUDGET: dict[float, str] = {
    0.5: "Half a false alert a month: people are asked later, and less often for nothing",
    1.0: "1 false alert a month: the usual choice",
    2.0: "2 false alerts a month: people are asked sooner, and more often for nothing",
}
STAGE: dict[Stage, str] = {
    Stage.LIVE: "Live: people are told",
    Stage.SHADOW: "Shadow: found and shown, not told",
    Stage.NOT_LIVE: "Not live: being installed, nobody is told anything about the resident",
}
STAGE_SHORT: dict[Stage, str] = {Stage.LIVE: "Live", Stage.SHADOW: "Shadow", Stage.NOT_LIVE: "Not live"}
GOVERNOR: dict[str, str] = {
    "nothing_observed": "no home could be judged on that day",
    "more_than_promised": "more alerts than promised: thresholds rose",
    "fewer_than_promised": "no more alerts than promised: thresholds fell",
    "at_highest": "as high as it may go: the model does not fit, tell your supplier",
    "at_lowest": "as low as it may go",
}
DONE: dict[str, str] = {  # after a form was taken
    "budget": "The alert budget of this home has been changed.",
    "stage": "Who is told about this home has been changed.",
    "routine-changed": "Noted: the routine has changed. What was learned before counts for less from now on.",
}
_DAYS = WINDOW.days


def number(value: float) -> str:
    """'1', '0.5', '0.37'."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def promise_words(rate: AlertRate) -> str:
    """What was promised."""
    alerts = "false alert" if rate.promised == 1 else "false alerts"
    return f"Promised: at most about {number(rate.promised)} {alerts} a month."


def outcome_words(rate: AlertRate) -> str:
    """What came, by outcome."""
    if not rate.total:
        return f"In the last {_DAYS} days there was no alert about the resident; {_observed(rate)}."
    parts = [
        (rate.genuine, "genuine"), (rate.false_alarm, "a false alarm"), (rate.expected, "expected"),
        (rate.equipment, "caused by the equipment"), (rate.unable_to_reach, "closed without reaching the resident"),
        (rate.still_open, "not closed yet"),
    ]  # fmt: skip
    said = ", ".join(f"{count} {words}" for count, words in parts if count)
    alerts = "was 1 alert" if rate.total == 1 else f"were {rate.total} alerts"
    return f"In the last {_DAYS} days there {alerts} about the resident: {said}; {_observed(rate)}."


def realised_words(rate: AlertRate) -> str:
    """What that is a month, and how much it tells."""
    if rate.realised is None:
        return "That is too little to say how many false alerts a month there are."
    verdict = "within what was promised" if rate.realised <= rate.promised else "more than was promised"
    return (
        f"That is {number(rate.realised)} a month that nobody confirmed: {verdict}. "
        f"One alert more would make it {number(rate.realised + rate.one_more)}."
    )


def _observed(rate: AlertRate) -> str:
    return f"{rate.observed_days:.0f} of the days could be observed"


def stage_words(watching: Watching, *, zone: str, now: datetime) -> str:
    """Whether people are told."""
    stage = watching.stage_at_time(now)
    if stage is Stage.SHADOW:
        until = local_time(watching.told_from, zone, now)
        return (
            f"Shadow until {until}: what is found is shown here, and nobody is told. People are told all the same of "
            "what is urgent, of fixed limits such as 12 waking hours without movement, and of a cold or hot home."
        )
    if stage is Stage.NOT_LIVE:
        return (
            "Not live: nobody is told anything about the resident, whatever is found. Faults of the equipment are told."
        )
    return "Live: people are told."


def since_words(by: str | None, at: datetime | None, names: Mapping[str, str], *, zone: str, now: datetime) -> str:
    """Who chose it and when; empty if nobody has."""
    if by is None or at is None:
        return ""
    name = "the service" if by == SERVICE else who(by, names)
    return f"Set by {name}, {local_time(at, zone, now)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All homes of an organisation together."""

    sentence: str
    governor: str


def fleet_words(rates: Sequence[AlertRate], days: Sequence[GovernorDay]) -> Fleet:
    """The promise over all homes, and the state of the governor."""
    observed = sum(rate.observed_days for rate in rates)
    promised = sum(rate.promised * rate.observed_days / 30.0 for rate in rates)
    came = sum(rate.unconfirmed for rate in rates if rate.observed_days >= 1.0)
    still_open = sum(rate.still_open for rate in rates)
    if observed < 1.0:
        sentence = "No complete day has been observed yet, so nothing can be said of a rate."
    else:
        were = "1 alert was" if came == 1 else f"{came} alerts were"
        rate = number(came * 30.0 / observed)
        sentence = (
            f"In the last {_DAYS} days {observed:.0f} home-days could be observed. Promised were at most "
            f"{promised:.1f} false alerts; {were} not confirmed ({rate} a home-month), and {still_open} "
            f"{'is' if still_open == 1 else 'are'} not closed yet."
        )
    return Fleet(sentence=sentence, governor=governor_words(days[0]) if days else NOT_GOVERNED)


NOT_GOVERNED = (
    "The governor has not decided yet. It looks at each day three days later, so that people have time to close alerts."
)


def governor_words(day: GovernorDay) -> str:
    """The state of the governor."""
    if abs(day.nats) < 0.005:
        state = "Thresholds stand where the model was calibrated"
    else:
        times = exp(-day.nats)
        how = "higher" if day.nats > 0 else "lower"
        state = (
            f"Thresholds are {how} than calibrated ({day.nats:+.2f} nats), so that about {number(times)} times as many "
            "alerts come"
        )
    on = f"{day.day.day} {day.day:%B %Y}"
    return f"{state}. Decided last on the grounds of {on}: {GOVERNOR.get(day.reason, day.reason)}."
