"""Writes the script that draws charts in the browser: Vega, Vega-Lite and vega-embed out of the wheel vl-convert.

Run once at set-up, so that no page asks a foreign server for anything. The bundle holds Vega's expression interpreter,
which is why the pages need no `unsafe-eval`; `write_bundle` refuses one without it.
"""

from pathlib import Path

import vl_convert

BUNDLE = Path("api") / "static" / "vendor" / "vega.js"  # in the project; the wheel carries it along


class BundleUnusable(Exception):
    """The wheel's bundle lacks something the pages rely on."""


def write_bundle(path: Path) -> None:
    """Write the bundle to `path`, whole or not at all. Raises BundleUnusable before touching anything."""
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    if "expressionInterpreter" not in script:
        raise BundleUnusable("vl-convert's bundle holds no expression interpreter: charts would need unsafe-eval")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(script, encoding="utf-8")
    unfinished.replace(path)
