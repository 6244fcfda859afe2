"""What the pages need to be told, from the environment."""

from datetime import timedelta

from pydantic import Field, SecretStr, field_validator

from store.settings import Settings


class ApiSettings(Settings):
    """Addresses, limits and the secret that webhooks are signed with. Durations are real time, not the demo's."""

    public_url: str = Field(default="http://127.0.0.1:8080")  # how staff and the SMS provider reach us
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8080, ge=0, le=65535)
    api_trusted_proxies: str = ""  # addresses whose X-Forwarded-For is believed, comma-separated; empty = nobody's
    api_connections: int = Field(default=16, ge=2, le=32)  # database connections, and so requests answered at once
    twilio_auth_token: SecretStr = SecretStr("")  # empty: every webhook is refused
    broker_secret: SecretStr = SecretStr("")  # in the address at which RabbitMQ asks; empty: nobody may ask
    session_idle: timedelta = timedelta(hours=8)  # the alert board may be watched through a quiet night …
    session_limit: timedelta = timedelta(hours=13)  # … and nobody's shift is longer than this
    login_window: timedelta = timedelta(minutes=15)
    login_limit_account: int = Field(default=10, ge=3)  # wrong passwords for one account in the window
    login_limit_address: int = Field(default=50, ge=3)  # and from one address: an office shares one

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url.rstrip("/")

    @property
    def is_https(self) -> bool:
        """Cookies are marked Secure and browsers are told to stay on https."""
        return self.public_url.startswith("https://")
