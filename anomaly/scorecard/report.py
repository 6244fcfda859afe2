"""The scorecard in words: a table for people. What is not known, and what failed, stands there too."""

from typing import Any

_NEVER = "> 24 h"


def table(name: str, card: dict[str, Any]) -> str:
    """One set of homes."""
    false = card["false_alerts"]
    lines = [
        f"{name}: {card['homes']} homes, {card['home_days']:.0f} observed home-days after a warm-up of "
        f"{days_words(card['warm_up_days'])}, {card['incidents']} incidents",
        "",
        f"False alerts of the whole service: {interval_words(false['a_home_month'])} a home-month; "
        f"nine homes in ten below {interval_words(false['nine_homes_in_ten_below'])}; most {false['most']}",
        "  by kind: " + (", ".join(f"{k} {v:g}" for k, v in false["by_kind_a_home_month"].items()) or "none"),
        "  by budget: "
        + ", ".join(f"{k} {v:g} of {false['budget_by_limit'][k]:g}" for k, v in false["by_limit_a_home_month"].items()),
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
    if card["not_up_after_usual"]["incidents"]:
        after = card["not_up_after_usual"]
        lines += ["", f"not up: told {minutes_words(after['median_minutes']['value'])} (median), "
                  f"{minutes_words(after['p90_minutes']['value'])} (p90) after the usual getting up"]  # fmt: skip
    lines += ["", "Slow changes: days until somebody is told"]
    for kind, each in card["gradual"].items():
        if each["homes"]:
            lines.append(
                f"  {kind}: {each['homes']} homes, within 5 days {share_words(each['within_5_days'])}, "
                f"within 14 days {share_words(each['within_14_days'])}"
            )
    return "\n".join(lines) + "\n"


def _line(label: str, rate: float | None, group: dict[str, Any]) -> str:
    shares = "".join(f"{share_words(group[f'within_{hours}_h']):>7}" for hours in (1, 2, 4, 12))
    median, p90 = group["median_minutes"], group["p90_minutes"]
    spread = f"{minutes_words(median['value'])} ({minutes_words(median['low'])} to {minutes_words(median['high'])})"
    rated = "" if rate is None else f"{rate:.2f}"
    return f"{label:<34}{rated:>12}{shares}  {spread:<28}{minutes_words(p90['value']):<10}"


def share_words(estimate: dict[str, Any]) -> str:
    """In per cent."""
    return "–" if estimate["value"] is None else f"{100 * estimate['value']:.0f} %"


def minutes_words(minutes: float | None) -> str:
    """Minutes or hours; None is never."""
    if minutes is None:
        return _NEVER
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def interval_words(estimate: dict[str, Any]) -> str:
    """The figure and its interval."""
    value, low, high = (("∞" if each is None else f"{each:.2f}") for each in estimate.values())
    return f"{value} ({low} to {high})"


def days_words(found: list[float]) -> str:
    """One warm-up or several."""
    return f"{found[0]:g} days" if len(found) == 1 else f"{found[0]:g} to {found[-1]:g} days"
