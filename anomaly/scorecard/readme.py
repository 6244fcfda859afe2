"""The scorecard in the README: a section between two marks, written anew from the figures, failures included."""

from pathlib import Path
from typing import Any

from anomaly.scorecard.report import days_words, interval_words, minutes_words, share_words
from store.home_file import InputError

BEGIN, END = "<!-- scorecard: begin -->", "<!-- scorecard: end -->"


def rewritten(readme: Path, section: str) -> str:
    """The README with this section between its marks. Raises `InputError` if they are not there."""
    try:
        text = readme.read_text(encoding="utf-8")
    except OSError as exc:
        raise InputError(readme, f"cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise InputError(readme, "not UTF-8 text") from exc
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(readme, f"needs the marks {BEGIN} and {END}, in this order")
    return f"{before}{BEGIN}\n{section.strip()}\n{END}{after}"


def section(cards: dict[str, dict[str, Any]], command: str) -> str:
    """Markdown for all sets of homes."""
    lines = [f"Written by `{command}`; every figure with the interval that 95 of 100 such sets of homes would give."]
    for name, card in cards.items():
        lines += ["", *_set(name, card)]
    return "\n".join(lines) + "\n"


def _set(name: str, card: dict[str, Any]) -> list[str]:
    false = card["false_alerts"]
    lines = [
        f"**{name[0].upper()}{name[1:]}**: {card['homes']} homes, {card['home_days']:,.0f} observed home-days after a "
        f"warm-up of {days_words(card['warm_up_days'])}, {card['incidents']} incidents.",
        "",
        "| what | aim | measured | |",
        "|---|---|---|---|",
    ]
    lines += [f"| {what} | {aim} | {got} | {_mark(good)} |" for what, aim, got, good in _aims(card, false)]
    wanted = [(f"{each['method']}", each) for each in card["methods"] if each["budget"] in (1.0, None)]
    day = "collapse by day"
    if card["service"][day]["incidents"]:
        lines += [
            "",
            "A collapse by day, every method at one false alert a home-month (fixed limits at what they cost):",
            "",
            "| method | false a home-month | within 2 h | within 4 h | within 12 h | median | p90 |",
            "|---|---|---|---|---|---|---|",
            _row("**the whole service, as shipped**", false["a_home_month"]["value"], card["service"][day]),
        ]
        lines += [_row(label, each["false_a_home_month"], each["groups"][day]) for label, each in wanted]
    return lines


def _aims(card: dict[str, Any], false: dict[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    """(what, aim, measured, reached or not; None: cannot be told)."""
    mean, worst = false["a_home_month"], false["nine_homes_in_ten_below"]
    found: list[tuple[str, str, str, bool | None]] = [
        ("false alerts a home-month, whole service", "≤ 1.0", interval_words(mean), _most(mean["value"], 1.0)),
        ("the same, nine homes in ten below", "≤ 2.0", interval_words(worst), _most(worst["value"], 2.0)),
    ]
    for each in card["calibration"]:
        few = "" if each["would_show_a_quarter_off"] else ", too few days to be sure"
        got = f"{interval_words(each['ratio'])}, {each['exceeded']} in {each['days']} days{few}"
        what = f"inactivity, realised over promised at once in {each['nominal_days']:.0f} days"
        found.append((what, "0.8 to 1.25", got, each["is_right"] if each["exceeded"] else None))
    wrong = sum(each["mistaken"] for each in card["technical"].values())
    of = sum(each["incidents"] for each in card["technical"].values())
    split = ", ".join(f"{twin.replace('_', ' ')} {each['mistaken']}" for twin, each in card["technical"].items())
    found.append(("technical incidents told as a lack of activity", "0", f"{wrong} of {of} ({split})", wrong == 0))
    ours = next(
        each for each in card["methods"] if each["method"] == "telecare, in hindsight" and each["budget"] == 1.0
    )
    day = ours["groups"]["collapse by day"]
    if day["incidents"]:
        median = day["median_minutes"]["value"]
        found += [
            ("collapse by day at one false alert in 30 days: median", "≤ 100 min", _median(day), _most(median, 100.0)),
            *(
                (f"… within {hours} h", f"≥ {share:.0%}", share_words(day[f"within_{hours}_h"]),
                 _least(day[f"within_{hours}_h"]["value"], share))
                for hours, share in ((2, 0.72), (4, 0.90), (12, 0.97))
            ),
        ]  # fmt: skip
    night = card["service"]["night bathroom, with a bed sensor"]
    if night["incidents"]:
        good = _most(night["median_minutes"]["value"], 45.0)
        found.append(("collapse in the bathroom at night, bed sensor: median", "≤ 45 min", _median(night), good))
    late = card["not_up_after_usual"]
    if late["incidents"]:
        good = _most(late["median_minutes"]["value"], 90.0)
        found.append(("not up: told after the usual getting up, median", "≤ 90 min", _median(late), good))
    slow = card["gradual"]["night_visits"]
    if slow["homes"]:
        for days, share in ((5, 0.60), (14, 0.90)):
            got = slow[f"within_{days}_days"]
            what = f"two more bathroom visits a night: found within {days} days"
            found.append((what, f"≥ {share:.0%} of homes", share_words(got), _least(got["value"], share)))
    return found


def _row(label: str, rate: float | None, group: dict[str, Any]) -> str:
    shares = " | ".join(share_words(group[f"within_{hours}_h"]) for hours in (2, 4, 12))
    rated = "–" if rate is None else f"{rate:.2f}"
    return f"| {label} | {rated} | {shares} | {_median(group)} | {minutes_words(group['p90_minutes']['value'])} |"


def _median(group: dict[str, Any]) -> str:
    value, low, high = (minutes_words(group["median_minutes"][key]) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _most(value: float | None, limit: float) -> bool:
    return value is not None and value <= limit


def _least(value: float | None, limit: float) -> bool:
    return value is not None and value >= limit


def _mark(good: bool | None) -> str:
    return "cannot be told" if good is None else "reached" if good else "**missed**"
