"""What every broker can do for us, and how it says that it could not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from store.hub_credential import HubCredential


class NotInForce(Exception):
    """The database has the change, the broker has not; the message says why. Doing it again is safe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was just done to one home's credential."""

    credential: HubCredential
    secret: str | None = field(repr=False)  # None: it was revoked


class BrokerControl(Protocol):
    """Tells one kind of broker."""

    def check(self) -> None:
        """Raise NotInForce if the broker could not be told; before anything is changed."""

    def put_in_force(self, standing: Sequence[HubCredential], change: Change | None) -> None:
        """Return when the broker goes by `standing`, all the valid ones, and has ended what `change` took away.

        Without a change: tell it everything again, after a new broker or a restored database. Raises NotInForce.
        """
