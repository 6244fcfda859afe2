"""The scorecard as pictures: delay against false alerts, calibration, slow changes. Vega-Lite, drawn to PNG and SVG."""

import json
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

_WIDTH, _HEIGHT = 560, 340
_SHAPES = ["circle", "square", "cross", "diamond", "triangle-up", "triangle-down", "triangle-right", "triangle-left"]


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
    """Median delay of a collapse by day against false alerts a home-month, all methods tuned in hindsight."""
    values = [
        {"method": each["method"], "false": each["false_a_home_month"], "hours": each["median_minutes"] / 60.0}
        for each in card["curves"]
        if each["median_minutes"] is not None and each["false_a_home_month"] > 0
    ]
    if not values:
        return None
    names = sorted({each["method"] for each in values}, key=lambda name: (name != "telecare", name))
    method = alt.Color("method:N", title=None, sort=names, scale=alt.Scale(scheme="tableau10"))
    shape = alt.Shape("method:N", title=None, sort=names, scale=alt.Scale(range=_SHAPES[: len(names)]))
    base = alt.Chart(_data(values)).encode(
        x=alt.X("false:Q", title="false alerts a home-month", scale=alt.Scale(type="log")),
        y=alt.Y("hours:Q", title="median hours until a collapse by day is found", scale=alt.Scale(zero=True)),
        color=method,
    )
    chart = alt.layer(base.mark_line(), base.mark_point(filled=True, size=60).encode(shape=shape))
    return _titled(chart, "How soon, at what price in false alerts", title)


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
        each["high"] = each["value"] if each["high"] is None else each["high"]
    x = alt.X("nominal:Q", title="promised: once in so many days", scale=alt.Scale(type="log"))
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
    return _titled(chart, "Does once in N days mean once in N days?", title)


def gradual(card: dict[str, Any], title: str) -> Any | None:
    """The share of homes in which two more bathroom visits a night were found, by day."""
    values = [
        {"method": _gradual_name(kind), "day": day, "share": share}
        for kind, each in card["gradual"].items()
        if kind.startswith("night_visits") and each["homes"]
        for day, share in enumerate(each["found_by_day"], start=1)
    ]
    if not values:
        return None
    names = sorted({each["method"] for each in values}, key=lambda name: (name != "telecare", name))
    chart = alt.Chart(_data(values)).mark_line(interpolate="step-after", strokeWidth=2.5)
    return _titled(
        chart.encode(
            x=alt.X("day:Q", title="days since two more bathroom visits a night began"),
            y=alt.Y("share:Q", title="homes in which it was found", axis=alt.Axis(format="%")),
            color=alt.Color("method:N", title=None, sort=names, scale=alt.Scale(scheme="tableau10")),
            strokeDash=alt.StrokeDash("method:N", title=None, sort=names),
        ),
        "A slow change",
        title,
    )


def _gradual_name(kind: str) -> str:
    return kind.removeprefix("night_visits").removeprefix(", ").removesuffix(" in hindsight") or "telecare"


def _data(values: list[dict[str, Any]]) -> Any:
    return alt.InlineData(values=values)


def _titled(chart: Any, title: str, subtitle: str) -> Any:
    return chart.properties(
        width=_WIDTH, height=_HEIGHT, title=alt.TitleParams(title, subtitle=subtitle, anchor="start")
    ).configure(font="sans-serif", background="white")
