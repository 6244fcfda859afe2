"""Where settings come from: the environment first, then one file a setting. Every settings class builds on this.

A secret need not stand in the environment, where every child process and `docker inspect` can read it: a file of the
setting's name below TELECARE_SECRETS_DIR (`telecare_twilio_auth_token`) does as well. Docker and Compose put secrets
into /run/secrets, systemd's LoadCredential into a folder of the service.
"""

from pathlib import Path

from pydantic import DirectoryPath
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

USUAL_DIR = Path("/run/secrets")  # where Docker and Compose put them


class SecretsSettings(BaseSettings):
    """Where the files of secrets are. Raises ValidationError if a folder was named and is not there."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_")

    secrets_dir: DirectoryPath | None = None  # unset: /run/secrets, if there is one


class Settings(BaseSettings):
    """The environment, then files of secrets, then defaults. The name of a file may be in small letters."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code wins over the environment, and that over files."""
        named = SecretsSettings().secrets_dir
        directory = named or (USUAL_DIR if USUAL_DIR.is_dir() else None)
        if directory is None:
            return init_settings, env_settings
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, secrets_dir=directory)
