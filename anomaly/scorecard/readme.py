"""The scorecard in the README: a section between two marks, written anew from the figures, failures included."""

from pathlib import Path
from typing import Any

from anomaly.scorecard.card import BY_DAY
from anomaly.scorecard.report import (
    cannot_judge,
    days_words,
    homes_words,
    minutes_interval,
    minutes_words,
    rate_words,
    share_words,
)
from anomaly.scorecard.verdicts import Verdict, aims
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


def section(cards: dict[str, dict[str, Any]], command: str, *, picture: str | None = None) -> str:
    """Markdown for all sets of homes. `picture`: where the one of the first set stands, seen from the README."""
    lines = [
        f"Written by `{command}`. In brackets: the interval that 95 of 100 such sets of homes would give. *Reached* if "
        "all of it meets the aim, *missed* if none of it does; else it cannot be told. Every alert in a period without "
        "incidents counts as false, also the understandable one.",
    ]
    for number, (name, card) in enumerate(cards.items()):
        lines += ["", *_set(name, card)]
        if picture is not None and not number:
            lines += ["", f"![Hours until a collapse by day is found, against false alerts, each method]({picture})"]
    return "\n".join(lines) + "\n"


def _set(name: str, card: dict[str, Any]) -> list[str]:
    found = aims(card)
    count = {verdict: sum(each.verdict is verdict for each in found) for verdict in Verdict}
    lines = [
        f"**{name[0].upper()}{name[1:]}**: {homes_words(card)}, {card['home_days']:,.0f} observed home-days after a "
        f"warm-up of {days_words(card['warm_up_days'])}, {card['incidents']} incidents and a technical twin of each "
        f"kind. Of {len(found)} aims {count[Verdict.REACHED]} are reached, {count[Verdict.MISSED]} missed, "
        f"{count[Verdict.UNKNOWN]} cannot be told.",
        *(f"{line[0].upper()}{line[1:]}." for line in cannot_judge(card)),
        "",
        "| what | aim | measured | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {each.what} | {each.aim} | {each.measured} | "
        f"{'**missed**' if each.verdict is Verdict.MISSED else each.verdict} |"
        for each in found
    ]
    return [*lines, *_kinds(card["false_alerts"]), *_methods(card)]


def _kinds(false: dict[str, Any]) -> list[str]:
    if false["most"] is None:
        return []
    budgets = false["budget_by_limit"]
    parts = [
        f"{name.replace('_', ' ')} {rate_words(rate)} of {budgets[name]:g}"
        for name, rate in false["by_limit_a_home_month"].items()
    ]
    rest = [
        f"{kind.replace('_', ' ')} {rate_words(rate)}"
        for kind, rate in false["by_kind_a_home_month"].items()
        if kind not in budgets
    ]
    return ["", f"False alerts a home-month by kind, of its budget: {', '.join([*parts, *rest])}."]


def _methods(card: dict[str, Any]) -> list[str]:
    service = card["service"][BY_DAY]
    if not service["incidents"]:
        return []
    wanted = [each for each in card["methods"] if each["budget"] in (1.0, None)]
    return [
        "",
        f"A collapse by day ({service['incidents']} of them), every method at one false alert a home-month, its "
        "threshold set in hindsight (fixed limits at what they cost, ours also as it would have set itself):",
        "",
        "| method | false a home-month | within 2 h | within 4 h | within 12 h | median | p90 |",
        "|---|---|---|---|---|---|---|",
        _row("**the whole service, as shipped**", card["false_alerts"]["a_home_month"]["value"], service),
        *(_row(each["method"], each["false_a_home_month"], each["groups"][BY_DAY]) for each in wanted),
    ]


def _row(label: str, rate: float | None, group: dict[str, Any]) -> str:
    shares = " | ".join(share_words(group[f"within_{hours}_h"]) for hours in (2, 4, 12))
    rated = "–" if rate is None else f"{rate:.2f}"
    p90 = minutes_words(group["p90_minutes"]["value"])
    return f"| {label} | {rated} | {shares} | {minutes_interval(group['median_minutes'])} | {p90} |"
