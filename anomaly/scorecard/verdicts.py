"""What is aimed at, what was measured, and whether that is enough to say so.

A verdict is about the interval, not about the figure: *reached* if all of it meets the aim, *missed* if none of it
does, and else it *cannot be told* from so few homes, days or incidents, whatever the figure itself looks like.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from anomaly.scorecard.card import BY_DAY, OURS
from anomaly.scorecard.figures import RIGHT
from anomaly.scorecard.own_budget import NIGHT, NOT_UP
from anomaly.scorecard.report import days_between, interval_words, minutes_interval, share_interval

_FEWEST_HOMES = 10  # before a tenth of them means anything
_FIGURE = dict[str, float | None]
_HINDSIGHT = f"{OURS}, in hindsight"


class Verdict(StrEnum):
    """What can be said."""

    REACHED = "reached"
    MISSED = "missed"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One line of the table."""

    what: str
    aim: str
    measured: str
    verdict: Verdict


def between(figure: _FIGURE, *, least: float = -math.inf, most: float = math.inf) -> Verdict:
    """Of a figure with its interval; null is infinite, as it is for what was never found."""
    low, high = (math.inf if figure[key] is None else figure[key] for key in ("low", "high"))
    assert low is not None
    assert high is not None
    if least <= low and high <= most:
        return Verdict.REACHED
    return Verdict.MISSED if high < least or low > most else Verdict.UNKNOWN


def aims(card: dict[str, Any]) -> list[Aim]:
    """Every aim of which this card can say anything."""
    return [*_false_alerts(card), *_calibration(card), *_equipment(card), *_collapse(card), *_own(card), *_slow(card)]


def _false_alerts(card: dict[str, Any]) -> Iterator[Aim]:
    false = card["false_alerts"]
    if false["most"] is None:
        return
    mean, tenth = false["a_home_month"], false["worst_tenth"]
    yield Aim(
        what="false alerts a home-month, whole service as shipped",
        aim="≤ 1.0",
        measured=interval_words(mean),
        verdict=between(mean, most=1.0),
    )
    yield Aim(
        what="the same in the worst tenth of homes",
        aim="≤ 2.0",
        measured=interval_words(tenth),
        verdict=between(tenth, most=2.0) if len(false["of_homes"]) >= _FEWEST_HOMES else Verdict.UNKNOWN,
    )


def _calibration(card: dict[str, Any]) -> Iterator[Aim]:
    for each in card["calibration"]:
        if each["days"]:
            yield Aim(
                what=f"inactivity that is “once in {each['nominal_days']:.0f} days”: realised over promised",
                aim=f"{RIGHT[0]} to {RIGHT[1]}",
                measured=f"{interval_words(each['ratio'])}; {each['exceeded']} in {each['days']:,} days",
                verdict=between(each["ratio"], least=RIGHT[0], most=RIGHT[1]),
            )


def _equipment(card: dict[str, Any]) -> Iterator[Aim]:
    twins = card["technical"].values()
    wrong, of = sum(each["mistaken"] for each in twins), sum(each["incidents"] for each in twins)
    if of:
        split = ", ".join(f"{name.replace('_', ' ')} {each['mistaken']}" for name, each in card["technical"].items())
        yield Aim(
            what="technical incidents told as a lack of activity",
            aim="0",
            measured=f"{wrong} of {of} ({split})",
            verdict=Verdict.MISSED if wrong else Verdict.REACHED,
        )


def _collapse(card: dict[str, Any]) -> Iterator[Aim]:
    ours = next((m for m in card["methods"] if m["method"] == _HINDSIGHT and m["budget"] == 1.0), None)
    if ours is None or not ours["groups"][BY_DAY]["incidents"]:
        return
    day = ours["groups"][BY_DAY]
    yield Aim(
        what="collapse by day, at one false alert in 30 days: median",
        aim="≤ 100 min",
        measured=minutes_interval(day["median_minutes"]),
        verdict=between(day["median_minutes"], most=100.0),
    )
    for hours, share in ((2, 0.72), (4, 0.90), (12, 0.97)):
        found = day[f"within_{hours}_h"]
        yield Aim(
            what=f"… within {hours} h",
            aim=f"≥ {100 * share:.0f} %",
            measured=share_interval(found),
            verdict=between(found, least=share),
        )
    beside = card["p90_beside_alert_line"]
    yield Aim(
        what="… 90th percentile, over that of the alert line",
        aim="≤ 0.5",
        measured=interval_words(beside),
        verdict=between(beside, most=0.5),
    )


def _own(card: dict[str, Any]) -> Iterator[Aim]:
    for name, words, most in (
        (NIGHT, "collapse in the bathroom at night, bed sensor: median", 45.0),
        (NOT_UP, "not up: told after the usual getting up, median", 90.0),
    ):
        own = card["own_budgets"][name]
        kept = own["kept"]
        if kept is None:
            continue
        false = f"a false one in {days_between(kept['realised_days'])}, wanted {own['wanted_days']:.0f}"
        yield Aim(
            what=words,
            aim=f"≤ {most:.0f} min",
            measured=f"{minutes_interval(kept['median_minutes'])}; {false}",
            verdict=_at_its_price(between(kept["median_minutes"], most=most), kept, own["wanted_days"]),
        )


def _at_its_price(verdict: Verdict, kept: dict[str, Any], wanted_days: float) -> Verdict:
    """Reached only if it did not cost more than was wanted."""
    days = kept["realised_days"]["value"]
    return Verdict.UNKNOWN if verdict is Verdict.REACHED and days is not None and days < wanted_days else verdict


def _slow(card: dict[str, Any]) -> Iterator[Aim]:
    for kind, words in (("night_visits, as a note", "noted on the page"), ("night_visits", "people called")):
        slow = card["gradual"][kind]
        for days, share in ((5, 0.60), (14, 0.90)) if slow["homes"] else ():
            found = slow[f"within_{days}_days"]
            yield Aim(
                what=f"two more bathroom visits a night: {words} within {days} days",
                aim=f"≥ {100 * share:.0f} % of homes",
                measured=share_interval(found),
                verdict=between(found, least=share),
            )
    false = card["gradual"]["night_visits, as a note"].get("false_days_a_figure")
    if card["gradual"]["night_visits, as a note"]["homes"] and false is not None:
        yield Aim(
            what="… a false note about these visits, once in",
            aim="≥ 300 days",
            measured=days_between(false, with_interval=True),
            verdict=between(false, least=300.0),
        )
    late = card["after_a_shift"]["days 15 to 28"]
    if late["days"]:
        for key, words in (
            ("days_over", "a life 90 min later, days 15 to 28: days of N ≥ 30, over what was promised"),
            ("told_a_home_month", "… all acute findings that reach people, a home-month"),
        ):
            yield Aim(
                what=words,
                aim="≤ 1.25",
                measured=interval_words(late[key]),
                verdict=between(late[key], most=1.25),
            )
