"""The chart as an SVG picture drawn on the server: for browsers without scripts, and for reports."""

from typing import Any

import vl_convert

from api.charts.patterns import with_patterns

PICTURE_WIDTH = 1000  # pixels


def chart_picture(spec: dict[str, Any]) -> str:
    """The SVG of a specification made with `width=PICTURE_WIDTH`. Takes about half a second."""
    return with_patterns(str(vl_convert.vegalite_to_svg(spec)))
