"""The service `telecare phone`: the pretend phone network of the demo. Never part of a real deployment."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import SettingsConfigDict

from simulators.phone.answering import Behaviour, Phone
from simulators.phone.network import Account, Transit
from simulators.phone.running import running_phone_network
from store.clock import Clock
from store.settings import Settings


class PhoneSettings(Settings):
    """What the phone network reads from the environment."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_PHONE_")

    port: int = 0  # of 127.0.0.1; 0: any that is free
    data: Path | None = None  # SQLite file of the texts; none: they are forgotten at the end
    config: Path | None = None  # JSON list of phones: number, name, role, behaviour, after_minutes


class AccountSettings(Settings):
    """The account that the service signs in with, as the service itself reads it."""

    twilio_account_sid: str = Field(default=...)
    twilio_auth_token: SecretStr = Field(default=...)
    twilio_from: str = Field(default=...)
    public_url: str = Field(default=...)  # where the service's webhooks are


class PhoneEntry(BaseModel, extra="forbid"):
    """One phone of the configuration file."""

    number: Annotated[str, Field(pattern=r"^\+[1-9]\d{7,14}$")]
    name: str
    role: str = ""
    behaviour: Behaviour = Behaviour.IGNORE
    after_minutes: Annotated[float, Field(ge=0)] = 2.0  # service clock


class UnreadableConfiguration(ValueError):
    """The list of phones cannot be used."""


def read_phones(path: Path) -> list[Phone]:
    """The phones listed in the file, in its order."""
    try:
        entries = TypeAdapter(list[PhoneEntry]).validate_json(path.read_bytes())
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableConfiguration(f"{path}: {place or 'the file'}: {first['msg']}") from exc
    return [
        Phone(
            number=entry.number,
            name=entry.name,
            role=entry.role,
            behaviour=entry.behaviour,
            after=timedelta(minutes=entry.after_minutes),
        )
        for entry in entries
    ]


def run(*, clock: Clock, stop: threading.Event) -> None:
    """Serve until told to stop."""
    settings, account = PhoneSettings(), AccountSettings()
    with running_phone_network(
        account=Account(
            sid=account.twilio_account_sid,
            auth_token=account.twilio_auth_token.get_secret_value(),
            sender=account.twilio_from,
        ),
        clock=clock,
        phones=read_phones(settings.config) if settings.config else [],
        public_url=account.public_url,
        data=settings.data,
        transit=Transit(),
        port=settings.port,
    ):
        stop.wait()
