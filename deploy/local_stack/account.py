"""The account PostgreSQL runs as, and whether that account can reach a path. Only matters when we are root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

PREFERRED = ("postgres", "nobody")  # `nobody` exists everywhere; `postgres` shares nothing with other daemons


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account to change to before a program is started."""

    uid: int
    gid: int

    def can_pass(self, directory: Path) -> bool:
        """True if this account may walk into `directory` from the root of the file system."""
        resolved = directory.resolve()
        return all(self._may_enter(part) for part in (resolved, *resolved.parents))

    def _may_enter(self, directory: Path) -> bool:
        found = directory.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def database_account(cluster: Path) -> Account | None:
    """Whom to change to before PostgreSQL starts (it refuses root); None: nobody, we are not root.

    An existing cluster stays with the account that owns it.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        return Account(uid=cluster.stat().st_uid, gid=cluster.stat().st_gid)
    for name in PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise RuntimeError(f"PostgreSQL does not run as root and there is no account {' or '.join(PREFERRED)} to change to")
