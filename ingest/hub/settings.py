"""The settings of `telecare hub`: a TOML or JSON file, which the environment overrides."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from store.home_file import InputError

_PREFIX = "TELECARE_HUB_"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class HubSettings(BaseSettings):
    """One hub, in one home."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX)

    home_file: Path = Field(description="The home and its sensors, as `telecare home` prints them.")
    data: Path = Field(default=Path("/var/lib/telecare-hub"), description="Where what is not committed yet is kept.")

    broker_host: str = Field(min_length=1, description="The service's broker.")
    broker_port: int = Field(default=8883, ge=1, le=65535)
    broker_tls_ca: Path | None = Field(default=None, description="Certificate authorities of the broker (PEM).")
    plain_text: bool = Field(default=False, description="Connect without TLS to another machine. Never in a home.")
    username: str = Field(default="", description="The home's credential.")
    password: str = Field(default="", repr=False)
    client_id: str = Field(default="", description="As the credential says, where the broker binds it.")

    keep_days: float = Field(default=30.0, ge=7.0, description="Longer than this nothing waits, but for alarms.")
    keep_mb: float = Field(default=500.0, ge=1.0, description="More than this is not kept on disk.")
    clock_wait_seconds: float = Field(
        default=120.0,
        ge=0.0,
        le=3600.0,
        description="How long to wait for the network to set the clock; alarms do not.",
    )
    clock_sync_file: Path | None = Field(default=Path("/run/systemd/timesync/synchronized"))

    socket: Path | None = Field(default=None, description="A local socket that takes readings as JSON lines.")
    zigbee_host: str = Field(default="", description="The local broker of Zigbee2MQTT; empty if there is none.")
    zigbee_port: int = Field(default=1883, ge=1, le=65535)
    zigbee_username: str = ""
    zigbee_password: str = Field(default="", repr=False)
    zigbee_topic: str = Field(default="zigbee2mqtt", min_length=1, description="Its base topic.")

    @model_validator(mode="after")
    def _is_encrypted(self) -> Self:
        if self.broker_tls_ca is None and self.broker_host not in _LOOPBACK and not self.plain_text:
            raise ValueError("broker_tls_ca is missing: without TLS anybody on the way can read along")
        return self


def hub_settings(file: Path | None) -> HubSettings:
    """The settings of this file and of the environment. Raises `InputError` with what is wrong and where."""
    place = file or Path(f"{_PREFIX}… of the environment")
    given = {} if file is None else _of_file(file)
    values = {name: value for name, value in given.items() if f"{_PREFIX}{name.upper()}" not in os.environ}
    try:
        return HubSettings(**values)
    except ValidationError as exc:
        reasons = "; ".join(
            f"{'.'.join(map(str, error['loc'])) or 'settings'}: {error['msg']}"
            for error in exc.errors(include_url=False)
        )
        raise InputError(place, reasons) from exc


def _of_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        found = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as exc:  # not there, not text, not JSON, not TOML
        raise InputError(file, f"cannot be read: {exc}") from exc
    if not isinstance(found, dict):
        raise InputError(file, "not a table of settings")
    unknown = sorted(set(found) - set(HubSettings.model_fields))
    if unknown:
        raise InputError(file, f"no such setting: {', '.join(unknown)}")
    return found
