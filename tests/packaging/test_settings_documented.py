"""Every setting stands in `deploy/telecare.env.example`, and nothing else does."""

import importlib
import pkgutil
import re
from pathlib import Path

from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("alerts", "anomaly", "api", "deploy", "ingest", "simulators", "store")
PRETEND = ("TELECARE_PHONE_", "TELECARE_WORLD_", "TELECARE_CLOCK_")  # set by `telecare demo` itself


def settings_in_code() -> set[str]:
    found = set()
    for package in PACKAGES:
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if module.name.endswith("__main__"):
                continue
            for kind in vars(importlib.import_module(module.name)).values():
                if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind is not BaseSettings:
                    prefix = kind.model_config.get("env_prefix", "")
                    found |= {f"{prefix}{name}".upper() for name in kind.model_fields}
    return found


def settings_in_example() -> set[str]:
    text = (ROOT / "deploy" / "telecare.env.example").read_text()
    return set(re.findall(r"^#?\s?(TELECARE_[A-Z_]+)=", text, re.MULTILINE))


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    real = {name for name in settings_in_code() if not name.startswith(PRETEND)}
    assert settings_in_example() == real
