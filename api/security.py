"""Passwords, tokens and safe return addresses. No database, no routes."""

import hashlib
import hmac
import secrets
import threading
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_MIN = 12  # characters
PASSWORD_MAX = 256  # characters; nobody makes us hash a book


def hash_password(password: str) -> str:
    """For `telecare staff`: the form in which a password is kept. Raises ValueError if it is too short or too long."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise ValueError(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    return PasswordHasher().hash(password)


class Passwords:
    """Checks passwords, with the same work whether or not the account exists, and few at a time: each needs 64 MiB."""

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = 4) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        self._turns = threading.BoundedSemaphore(at_once)

    def is_right(self, password: str, password_hash: str | None) -> bool:
        """True if it is the password of this hash; None is the hash of an account that does not exist."""
        with self._turns:
            try:
                self._hasher.verify(password_hash or self._nobody, password[:PASSWORD_MAX])
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None and len(password) <= PASSWORD_MAX

    def renewed(self, password: str, password_hash: str) -> str | None:
        """The hash by today's parameters if this one was made with weaker ones, else None."""
        return self._hasher.hash(password) if self._hasher.check_needs_rehash(password_hash) else None


def new_token() -> str:
    """256 random bits, as text for cookies and forms."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What the database keeps of a session's token."""
    return hashlib.sha256(token.encode()).digest()


def same_token(given: str, expected: str) -> bool:
    """Compare in constant time; empty never matches."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def safe_return(path: str | None) -> str:
    """Where to go after signing in: a path of ours, or the board if this is anything else."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path:
        return "/"
    if any(ord(letter) < 0x21 or ord(letter) == 0x7F for letter in path):
        return "/"
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or parts.path.startswith(("/sign-in", "/sign-out", "/api/", "/webhooks/")):
        return "/"
    return path
