"""The scorecard as pictures: delay against false alerts, calibration, slow changes. Vega-Lite, drawn to PNG and SVG."""

import json
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from anomaly.scorecard.card import BY_DAY, OURS

_WIDTH, _HEIGHT = 560, 340
_FAR_UP = 1e6  # off the picture
_LEAST_HOURS = 1.0  # what is sooner is drawn here
_SERVICE = "the whole service"
_SHAPES = [
    "circle", "M0,-1.2L0.3,-0.4L1.1,-0.4L0.5,0.15L0.7,1L0,0.5L-0.7,1L-0.5,0.15L-1.1,-0.4L-0.3,-0.4Z", "square", "cross",
    "diamond", "triangle-up", "triangle-down", "triangle-right", "triangle-left",
]  # fmt: skip
_COLOURS = ["#1d4f91", "#0b0c0c", "#f58518", "#b3589a", "#4c9a86", "#54a24b", "#b79a20", "#e45756", "#79706e"]


def draw(card: dict[str, Any], title: str, folder: Path, stem: str) -> list[Path]:
    """Writes STEM-delay, STEM-calibration and STEM-gradual, each as .svg and .png; the files that were written."""
    made = {"delay": delay(card, title), "calibration": calibration(card, title), "gradual": gradual(card, title)}
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, chart in made.items():
        if chart is None:
            continue
        spec = json.dumps(chart.to_dict())
        for ending, content in (
            ("svg", vl_convert.vegalite_to_svg(spec).encode()),
            ("png", vl_convert.vegalite_to_png(spec, scale=2)),
        ):
            path = folder / f"{stem}-{name}.{ending}"
            path.write_bytes(content)
            written.append(path)
    return written


def delay(card: dict[str, Any], title: str) -> Any | None:
    """Delay of a collapse by day against false alerts a home-month, all methods tuned in hindsight; lower is better."""
    panels = [
        panel
        for panel in (
            _delays(card, "median_minutes", "median: half are found within so many hours"),
            _delays(card, "p90_minutes", "nine in ten are found within so many hours"),
        )
        if panel is not None
    ]
    if not panels:
        return None
    return _titled(
        alt.hconcat(*panels).resolve_scale(color="shared", shape="shared"),
        "A collapse by day: how soon is it found, at what price in false alerts?",
        f"{title}; every method with the threshold that is best in hindsight, and the whole service as it is shipped",
    )


def _delays(card: dict[str, Any], figure: str, label: str) -> Any | None:
    values = [
        {"method": each["method"], "false": each["false_a_home_month"], "hours": max(each[figure] / 60.0, _LEAST_HOURS)}
        for each in card["curves"]
        if each[figure] is not None and each["false_a_home_month"] > 0
    ]
    if not values:
        return None
    service = card["service"][BY_DAY][figure]["value"]
    rate = card["false_alerts"]["a_home_month"]["value"]
    if service is not None and rate:
        values.append({"method": _SERVICE, "false": rate, "hours": max(service / 60.0, _LEAST_HOURS)})
    names = [OURS, _SERVICE, *sorted({each["method"] for each in card["curves"]} - {OURS})]
    colours = alt.Scale(domain=names, range=_COLOURS[: len(names)])
    base = alt.Chart(_data(values)).encode(
        x=alt.X("false:Q", title="false alerts a home-month", scale=alt.Scale(type="log", nice=False, padding=12)),
        y=alt.Y("hours:Q", title=label, scale=alt.Scale(type="log", domain=[_LEAST_HOURS, 24], clamp=True),
                axis=alt.Axis(values=[1, 2, 3, 4, 6, 8, 12, 18, 24], format="d")),
    )  # fmt: skip
    lines = base.mark_line().encode(color=alt.Color("method:N", title="method", scale=colours))
    points = base.mark_point(filled=True, size=70, opacity=1.0).encode(
        color=alt.Color("method:N", title="method", scale=colours),
        shape=alt.Shape("method:N", title="method", scale=alt.Scale(domain=names, range=_SHAPES[: len(names)])),
    )
    return alt.layer(lines, points).properties(width=_WIDTH * 0.7, height=_HEIGHT)


def calibration(card: dict[str, Any], title: str) -> Any | None:
    """Realised over nominal return period of inactivity; the band is what we promise to keep to."""
    values = [
        {"nominal": each["nominal_days"], **{k: each["ratio"][k] for k in ("value", "low", "high")}}
        for each in card["calibration_curve"]
        if each["ratio"]["value"] is not None
    ]
    if not values:
        return None
    for each in values:
        each["high"] = _FAR_UP if each["high"] is None else each["high"]
    x = alt.X("nominal:Q", title="promised: once in so many days", scale=alt.Scale(type="log", domain=[4, 250]))
    y = alt.Scale(type="log", domainMin=0.25, domainMax=4.0, clamp=True)
    data = alt.Chart(_data(values))
    band = alt.Chart(_data([{"low": 0.8, "high": 1.25}])).mark_rect(opacity=0.2, color="#00703c")
    chart = alt.layer(
        band.encode(y=alt.Y("low:Q", scale=y), y2="high:Q"),
        data.mark_rule(strokeWidth=2).encode(
            x=x, y=alt.Y("low:Q", scale=y, title="realised over promised"), y2="high:Q"
        ),
        data.mark_point(filled=True, size=70).encode(x=x, y=alt.Y("value:Q", scale=y)),
    )
    sized = chart.properties(width=_WIDTH, height=_HEIGHT)
    return _titled(sized, "Does once in N days mean once in N days?", title)


def gradual(card: dict[str, Any], title: str) -> Any | None:
    """The share of homes in which two more bathroom visits a night were found, by day."""
    values = [
        {"method": _gradual_name(kind), "day": day, "share": share}
        for kind, each in card["gradual"].items()
        if kind.startswith("night_visits") and each["homes"]
        for day, share in enumerate(each["found_by_day"], start=1)
        if share is not None
    ]
    if not values:
        return None
    names = sorted({each["method"] for each in values}, key=lambda name: ("hindsight" in name, name))
    chart = alt.Chart(_data(values)).mark_line(interpolate="step-after", strokeWidth=2.5)
    chart = chart.properties(width=_WIDTH, height=_HEIGHT)
    return _titled(
        chart.encode(
            x=alt.X("day:Q", title="days since two more bathroom visits a night began"),
            y=alt.Y("share:Q", title="homes in which it was found", axis=alt.Axis(format="%")),
            color=alt.Color("method:N", title="method", sort=names, scale=alt.Scale(scheme="tableau10")),
            strokeDash=alt.StrokeDash("method:N", title="method", sort=names),
        ),
        "A slow change",
        title,
    )


def _gradual_name(kind: str) -> str:
    return kind.removeprefix("night_visits").removeprefix(", ") or "people called"


def _data(values: list[dict[str, Any]]) -> Any:
    return alt.InlineData(values=values)


def _titled(chart: Any, title: str, subtitle: str) -> Any:
    named = chart.properties(title=alt.TitleParams(title, subtitle=subtitle, anchor="start"))
    return named.configure(font="sans-serif", background="white")
