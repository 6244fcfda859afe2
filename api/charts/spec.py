"""The chart as a Vega-Lite specification, made with Altair: one row a day, oldest first, so that it reads like a diary.

What is drawn comes from `marks`; here is only how. The y axis is plain numbers (row 0, 1, 2 …; the usual day above, in
negative numbers), because a row is more than one bar: a strip of what is usual above, what was seen below, halves where
the clock showed an hour twice. Pure.
"""

import json
from functools import lru_cache
from typing import Any, Literal

import altair as alt

from api.charts.civil import DAY_MINUTES, View
from api.charts.marks import USUAL_ROWS, Marks

_FONT = "Arial, Helvetica, sans-serif"
_INK = "#0b0c0c"
_GRID = "#383f43"
_LETTER_PIXELS = 13  # a stretch must be so wide to carry a letter
_AXES = 38  # pixels: padding and both lines of hours; a test compares it with the picture
_ROW_PIXELS = {1: 34, 2: 28, 4: 22, 8: 18}


def row_pixels(weeks: int) -> int:
    """Height of one day's row: the fewer weeks, the taller."""
    return _ROW_PIXELS[weeks]


def chart_height(weeks: int) -> int:
    """Pixels of the plot itself, known beforehand so that the page does not jump."""
    return round((weeks * 7 + USUAL_ROWS) * row_pixels(weeks))


def picture_height(weeks: int) -> int:
    """Pixels of the whole picture, hours above and below included."""
    return chart_height(weeks) + (_AXES if weeks <= 4 else _AXES - 2)


def chart_spec(
    marks: Marks, *, view: View, weeks: int, width: int | Literal["container"] = "container", validate: bool = False
) -> dict[str, Any]:
    """The whole specification with its data. `validate` checks it against Vega-Lite's schema (tests do)."""
    spec: dict[str, Any] = json.loads(_drawing(view, weeks, width, validate))
    spec["params"] = [{"name": "labels", "value": [*marks.labels, "Usual day"]}]
    spec["datasets"] = marks.datasets
    return spec


@lru_cache(maxsize=64)  # Altair takes longer to say how than we take to say what; `how` depends on four words only
def _drawing(view: View, weeks: int, width: int | Literal["container"], validate: bool) -> str:
    """The specification without data, as JSON."""
    rows = weeks * 7
    size = 13 if weeks <= 4 else 12
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[view.first_minute, view.first_minute + DAY_MINUTES], nice=False, zero=False),
        axis=None,
    )
    y = alt.Y("y:Q", scale=alt.Scale(domain=[rows, -USUAL_ROWS], nice=False, zero=False), axis=None)
    box = {"x": x, "x2": alt.X2("x2:Q"), "y": y, "y2": alt.Y2("y2:Q")}
    tip = [alt.Tooltip("day:N", title="Day"), alt.Tooltip("what:N", title="What"), alt.Tooltip("when:N", title="When")]
    fill: Any = alt.Fill("fill:N", scale=None)
    ink: Any = alt.Color("ink:N", scale=None)
    text: Any = alt.Text("text:N")

    layers = [
        # Behind everything: what is usual, as dark as it is usual. It shows in the strip above each row.
        _data("usual").mark_rect(fill=_INK).encode(**box, fillOpacity=alt.FillOpacity("share:Q", scale=None)),
        _data("rows").mark_rect(fill="#ffffff").encode(**box),
        _data("nights").mark_rect(fill="#1d3a63", fillOpacity=0.10).encode(**box),
        _data("usual_day").mark_rect(stroke="#ffffff", strokeWidth=0.3).encode(**box, fill=fill, tooltip=tip),
        _data("segments").mark_rect(clip=True).encode(**box, fill=fill, tooltip=tip),
        _data("skipped").mark_rect(clip=True).encode(**box, fill=fill, tooltip=tip),
        _data("absences")
        .mark_rect(stroke="#4c2c92", strokeWidth=1.5, strokeDash=[4, 2], clip=True)
        .encode(**box, fill=fill, tooltip=tip),
        _data("letters")
        .transform_filter(f"datum.minutes * width / {DAY_MINUTES} > {_LETTER_PIXELS}")
        .mark_text(fontSize=size - 2, fontWeight="bold", clip=True)
        .encode(x=x, y=y, text=text, color=ink),
        _data("usual_up").mark_rect(fill="#ffffff", stroke=_INK, strokeWidth=1.2).encode(**box, tooltip=tip),
        _data("six_hours").mark_rule(stroke=_GRID, strokeWidth=1, opacity=0.35).encode(x=x, y=y, y2="y2:Q"),
        _data("usual_base").mark_rule(stroke=_GRID, strokeWidth=1).encode(x=x, x2="x2:Q", y=y),
        _data("weekends").mark_rule(strokeWidth=6, stroke=_GRID).encode(x=x, y=y, y2="y2:Q"),
        _data("weeks").mark_rule(stroke=_GRID, strokeWidth=1).encode(x=x, x2="x2:Q", y=y),
        _data("now").mark_rule(stroke="#d4351c", strokeWidth=3).encode(x=x, y=y, y2="y2:Q", tooltip=tip),
        _data("spans").mark_rule(strokeWidth=3, strokeCap="butt", clip=True).encode(x=x, x2="x2:Q", y=y, color=ink),
        _data("findings")
        .mark_point(filled=True, size=330, stroke="#ffffff", strokeWidth=1.5, opacity=1)
        .encode(x=x, y=y, shape=alt.Shape("shape:N", scale=None), fill=fill, tooltip=tip, href="href:N"),
        _data("findings")
        .mark_text(fontSize=12, fontWeight="bold", color="#ffffff")
        .encode(x=x, y=y, text=text, tooltip=tip, href="href:N"),
        _axes(rows, view=view, size=size, x=x, y=y, orient="top"),
        _axes(rows, view=view, size=size, x=x, y=y, orient="bottom"),
    ]
    chart = (
        alt.layer(*layers)
        .resolve_axis(x="independent", y="independent")
        .properties(
            width=width,
            height=chart_height(weeks),
            padding=2,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
        .configure(font=_FONT, background="#ffffff", aria=False)
        .configure_view(stroke=None)
    )
    return json.dumps(chart.to_dict(validate=validate))


def _data(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name))


def _axes(rows: int, *, view: View, size: int, x: alt.X, y: alt.Y, orient: Literal["top", "bottom"]) -> alt.Chart:
    """Hours above and below, so that no eye has to travel four weeks; days at the left, with the upper one."""
    hours = [view.first_minute + 60 * hour for hour in range(25)]
    clock = alt.Axis(
        orient=orient,
        values=hours,
        title=None,
        labelExpr="format(datum.value == 1440 && datum.index == 1 ? 24 : datum.value / 60 % 24, '02')",
        labelFontSize=size,
        labelColor=_INK,
        labelOverlap="parity",
        labelSeparation=5,
        labelFlush=True,
        domain=False,
        ticks=False,
        labelPadding=4,
        grid=orient == "top",
        gridColor=_GRID,
        gridOpacity=0.16,
        zindex=1,
    )
    at = [*(index + 0.62 for index in range(rows)), -USUAL_ROWS / 2]
    days: alt.Axis | None = alt.Axis(
        values=at,
        title=None,
        labelExpr=f"labels[datum.value < 0 ? {rows} : floor(datum.value)]",
        labelFontSize=size,
        labelColor=_INK,
        labelOverlap=False,
        labelPadding=7,
        labelLimit=120,
        domain=False,
        ticks=False,
        grid=False,
    )
    if orient == "bottom":
        days = None
    chart: alt.Chart = _data("axes").mark_point(opacity=0).encode(x=_with_axis(x, clock), y=_with_axis(y, days))
    return chart


def _with_axis(channel: Any, axis: alt.Axis | None) -> Any:
    """The channel with an axis; `Any` because Altair makes this method at run time and types it as a property."""
    return channel.copy(deep=False).axis(axis)
