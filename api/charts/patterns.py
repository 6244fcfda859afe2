"""The textures of the chart: SVG patterns, the same in the browser, in the legend and in the picture for print.

Vega draws a mark with any fill it is given, so `url(#pattern-out)` finds these wherever they stand in the document.
"""

UNOBSERVED = "pattern-unobserved"
OUT = "pattern-out"
IN_BED = "pattern-bed"
IN_CHAIR = "pattern-chair"
AWAY = "pattern-away"
SKIPPED = "pattern-skipped"

DEFINITIONS = f"""<defs>
<pattern id="{UNOBSERVED}" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<rect width="7" height="7" fill="#ffffff"/><rect width="2.6" height="7" fill="#6f777b"/></pattern>
<pattern id="{OUT}" width="10" height="8" patternUnits="userSpaceOnUse">\
<rect width="10" height="8" fill="#ffffff"/><circle cx="2.5" cy="2" r="1" fill="#505a5f"/>\
<circle cx="7.5" cy="6" r="1" fill="#505a5f"/></pattern>
<pattern id="{IN_BED}" width="6" height="5" patternUnits="userSpaceOnUse">\
<rect width="6" height="5" fill="#1d3a63"/><rect width="6" height="1" y="2" fill="#6d86ab"/></pattern>
<pattern id="{IN_CHAIR}" width="5" height="6" patternUnits="userSpaceOnUse">\
<rect width="5" height="6" fill="#00805c"/><rect width="1.2" height="6" x="2" fill="#b5e3d5"/></pattern>
<pattern id="{AWAY}" width="10" height="10" patternUnits="userSpaceOnUse">\
<path d="M5 2v6M2 5h6" stroke="#4c2c92" stroke-width="1.3" fill="none"/></pattern>
<pattern id="{SKIPPED}" width="6" height="6" patternUnits="userSpaceOnUse">\
<rect width="6" height="6" fill="#ffffff"/><path d="M0 0l6 6M6 0l-6 6" stroke="#b1b4b6" stroke-width="1" fill="none"/>\
</pattern>
</defs>"""


def fill_of(pattern: str) -> str:
    """What a mark is filled with to carry this pattern."""
    return f"url(#{pattern})"


def with_patterns(svg: str) -> str:
    """An SVG document in which the patterns are found."""
    head, bracket, rest = svg.partition(">")
    return f"{head}{bracket}{DEFINITIONS}{rest}"
