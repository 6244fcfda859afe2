"""The scorecard in words: a table for people. What is not known, and what failed, stands there too."""

from typing import Any

_NEVER = "> 24 h"


def table(name: str, card: dict[str, Any]) -> str:
    """One set of homes."""
    false = card["false_alerts"]
    lines = [
        f"{name}: {homes_words(card)}, {card['home_days']:.0f} observed home-days after a warm-up of "
        f"{days_words(card['warm_up_days'])}, {card['incidents']} incidents",
        *cannot_judge(card),
        "",
        f"False alerts of the whole service: {interval_words(false['a_home_month'])} a home-month "
        f"(calls {interval_words(false['calls_a_home_month'])}); worst tenth {interval_words(false['worst_tenth'])}; "
        f"nine homes in ten below {interval_words(false['nine_homes_in_ten_below'])}; most {false['most']}",
        "  by kind: " + (", ".join(f"{k} {rate_words(v)}" for k, v in false["by_kind_a_home_month"].items()) or "none"),
        "  by budget: "
        + ", ".join(
            f"{k} {rate_words(v)} of {false['budget_by_limit'][k]:g}" for k, v in false["by_limit_a_home_month"].items()
        ),
        "",
    ]
    lines += [
        f"Calibration of inactivity at N = {each['nominal_days']:.0f} days: realised/nominal "
        f"{interval_words(each['ratio'])} ({each['exceeded']} of {each['days']} days"
        + ("" if each["would_show_a_quarter_off"] else "; too few days to see a quarter off")
        + ")"
        for each in card["calibration"]
    ]
    lines += ["", "Technical incidents told as a lack of activity (must be 0):"]
    lines += [
        f"  {twin}: {each['mistaken']} of {each['incidents']}"
        + (f" ({', '.join(f'{k} {v}' for k, v in each['kinds'].items())})" if each["kinds"] else "")
        for twin, each in card["technical"].items()
    ]
    head = f"{'':<34}{'false/month':>12}{'1 h':>7}{'2 h':>7}{'4 h':>7}{'12 h':>7}  {'median':<28}{'p90':<10}"
    for group in card["service"]:
        count = card["service"][group]["incidents"]
        if not count:
            continue
        lines += ["", f"{group}: {count} incidents", head]
        lines.append(_line("whole service, as shipped", false["a_home_month"]["value"], card["service"][group]))
        for each in card["methods"]:
            if group in each["groups"]:
                budget = "" if each["budget"] is None else f" at {each['budget']:g}"
                lines.append(_line(f"{each['method']}{budget}", each["false_a_home_month"], each["groups"][group]))
    lines += _own_budgets(card)
    lines += ["", "Slow changes: days until it is found"]
    for kind, each in card["gradual"].items():
        if each["homes"]:
            lines.append(
                f"  {kind}: {each['homes']} homes, within 5 days {share_words(each['within_5_days'])}, "
                f"within 14 days {share_words(each['within_14_days'])}"
            )
    lines += [
        f"A life 90 minutes later, {weeks}: days of N ≥ 30 over promised {interval_words(each['days_over'])}, told "
        f"{interval_words(each['told_a_home_month'])} a home-month ({each['days']} days)"
        for weeks, each in card["after_a_shift"].items()
        if each["days"]
    ]
    return "\n".join(lines) + "\n"


def _own_budgets(card: dict[str, Any]) -> list[str]:
    lines = []
    for name, own in card["own_budgets"].items():
        if own["kept"] is not None:
            lines += ["", f"{name}, at a budget of its own (wanted: a false one in {own['wanted_days']:.0f} days):"]
            lines += [
                f"  promised {each['nominal_days']:g} days, came about in {days_between(each['realised_days'])}: "
                f"found {100 * each['found']:.0f} % of {each['incidents']}, median "
                f"{minutes_interval(each['median_minutes'])}, p90 {minutes_words(each['p90_minutes']['value'])}"
                for each in own["points"]
            ]
    return lines


def _line(label: str, rate: float | None, group: dict[str, Any]) -> str:
    shares = "".join(f"{share_words(group[f'within_{hours}_h']):>7}" for hours in (1, 2, 4, 12))
    rated = "" if rate is None else f"{rate:.2f}"
    spread = minutes_interval(group["median_minutes"])
    return f"{label:<34}{rated:>12}{shares}  {spread:<28}{minutes_words(group['p90_minutes']['value']):<10}"


def homes_words(card: dict[str, Any]) -> str:
    """How many homes, and of how many people."""
    two = card["homes_of_two"]
    return f"{card['homes']} homes" + (f" ({two} of two people)" if two else "")


def cannot_judge(card: dict[str, Any]) -> list[str]:
    """Homes of which nothing can be said."""
    homes = card["cannot_be_judged"]
    return [f"cannot judge {', '.join(homes)}: no observed day after the warm-up"] if homes else []


def share_words(estimate: dict[str, Any]) -> str:
    """In per cent."""
    return "–" if estimate["value"] is None else f"{100 * estimate['value']:.0f} %"


def share_interval(estimate: dict[str, Any]) -> str:
    """In per cent, with the interval."""
    if estimate["value"] is None:
        return "–"
    return f"{share_words(estimate)} ({100 * estimate['low']:.0f} to {100 * estimate['high']:.0f})"


def minutes_words(minutes: float | None) -> str:
    """Minutes or hours; None is never."""
    if minutes is None:
        return _NEVER
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def minutes_interval(estimate: dict[str, Any]) -> str:
    """With the interval."""
    value, low, high = (minutes_words(estimate[key]) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def interval_words(estimate: dict[str, Any]) -> str:
    """The figure and its interval."""
    value, low, high = (("∞" if each is None else f"{each:.2f}") for each in estimate.values())
    return f"{value} ({low} to {high})"


def rate_words(estimate: dict[str, Any]) -> str:
    """A rate alone."""
    return "–" if estimate["value"] is None else f"{estimate['value']:.2f}"


def days_between(estimate: dict[str, Any], *, with_interval: bool = False) -> str:
    """How far apart things are; None is never."""
    value, low, high = ("∞" if each is None else f"{each:.0f}" for each in estimate.values())
    if estimate["value"] is None:
        return f"more than {low} days"
    return f"{value} ({low} to {high}) days" if with_interval else f"{value} days"


def days_words(found: list[float]) -> str:
    """One warm-up or several."""
    return f"{found[0]:g} days" if len(found) == 1 else f"{found[0]:g} to {found[-1]:g} days"
