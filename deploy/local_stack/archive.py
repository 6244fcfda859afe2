"""One file that holds a backup: a tar of a database dump, the stack's own files, and a manifest with checksums of all.

It holds names, telephone numbers and broker credentials: it is made readable by its owner alone. Not here: how the
dump is made (`deploy.backup`) and what is done with it (`deploy.restore`).
"""

import contextlib
import hashlib
import json
import os
import secrets
import sqlite3
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO

FORMAT = 1
DUMP = "database.dump"
FILES = "files/"  # below it, the stack's files by their path in the data directory
_MANIFEST = "manifest.json"
_SQLITE = b"SQLite format 3\0"
# What is made anew, or means nothing elsewhere: the database's own files, logs, the broker's queues, locks and ports.
_LEFT_OUT = ("postgres", "logs", "lock", "clock.json", "clock-kept.json")
_OF_BROKER = "credentials.json"
_ENDINGS = ("-wal", "-shm", "-journal", ".lock", ".new", ".pid", ".log")


class BadArchive(Exception):
    """The file is no backup of ours, or not as it was written; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file inside, as it must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the backup is of."""

    taken_at: datetime  # real time
    service_time: datetime  # what the service's clock showed
    speed: float
    migrations: list[str]
    tables: dict[str, int]  # rows of each table
    members: dict[str, Member]

    def text(self) -> str:
        """As JSON."""
        whole = {"format": FORMAT, **asdict(self)}
        return json.dumps(whole, indent=1, default=lambda value: value.isoformat())


def stack_files(data_dir: Path) -> list[Path]:
    """What of a data directory goes into a backup besides the database, by path inside it."""
    found = []
    for path in sorted(data_dir.rglob("*")):
        inside = path.relative_to(data_dir)
        if path.is_symlink() or not path.is_file() or inside.parts[0] in _LEFT_OUT or path.name.endswith(_ENDINGS):
            continue
        if inside.parts[0] == "broker" and inside.name != _OF_BROKER:
            continue
        found.append(inside)
    return found


def copy_consistently(source: Path, target: Path) -> None:
    """A copy that is whole even while another process writes: SQLite through SQLite; other files are replaced whole."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with source.open("rb") as file:
        is_sqlite = file.read(len(_SQLITE)) == _SQLITE
        if not is_sqlite:
            file.seek(0)
            target.write_bytes(file.read())
    if is_sqlite:
        with (
            contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10.0)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    target.chmod(0o600)


def measure(folder: Path) -> dict[str, Member]:
    """Length and checksum of every file of a folder."""
    return {
        str(PurePosixPath(path.relative_to(folder))): Member(bytes=path.stat().st_size, sha256=_sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_archive(folder: Path, manifest: Manifest, file: Path) -> None:
    """The folder as one file, of mode 0600 from its first byte, complete or not there. Raises OSError."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            with tarfile.open(fileobj=written, mode="w") as tar:
                (folder / _MANIFEST).write_text(manifest.text())
                tar.add(folder / _MANIFEST, _MANIFEST)
                for name in manifest.members:
                    tar.add(folder / name, name)
            written.flush()
            os.fsync(written.fileno())
        beside.rename(file)
    finally:
        beside.unlink(missing_ok=True)


def read_manifest(file: Path) -> Manifest:
    """What the backup says of itself. Raises BadArchive."""
    with _opened(file) as tar:
        first = tar.next()
        content = None if first is None or first.name != _MANIFEST else tar.extractfile(first)
        if content is None:
            raise BadArchive("it is no backup of telecare: it does not begin with a manifest")
        try:
            told = json.load(content)
            if told.pop("format") != FORMAT:
                raise BadArchive("it was written by another version of telecare, in a form this one does not know")
            return Manifest(
                taken_at=datetime.fromisoformat(told["taken_at"]),
                service_time=datetime.fromisoformat(told["service_time"]),
                speed=float(told["speed"]),
                migrations=[str(name) for name in told["migrations"]],
                tables={str(name): int(rows) for name, rows in told["tables"].items()},
                members={name: Member(**member) for name, member in told["members"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise BadArchive(f"its manifest cannot be read: {exc!r}") from exc


def unpack(file: Path, manifest: Manifest, folder: Path) -> None:
    """Everything inside, below `folder`, each file checked against its checksum. Raises BadArchive."""
    with _opened(file) as tar:
        there = {member.name: member for member in tar.getmembers() if member.name != _MANIFEST}
        if set(there) != set(manifest.members) or DUMP not in there:
            odd = sorted(set(there) ^ set(manifest.members)) or [DUMP]
            raise BadArchive(f"it is not complete: {odd[0]} is missing or not in its manifest")
        for name, expected in manifest.members.items():
            path = folder / name
            if not there[name].isreg() or not path.resolve().is_relative_to(folder.resolve()):
                raise BadArchive(f"{name} is not a file inside the backup")
            content = tar.extractfile(there[name])
            assert content is not None
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
                _copy(content, written)
            if Member(bytes=path.stat().st_size, sha256=_sha256(path)) != expected:
                raise BadArchive(f"{name} is not as it was written: its checksum does not fit")


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, mode="r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as exc:
        raise BadArchive(f"it is no backup of telecare, or cut off: {exc}") from exc


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while chunk := source.read(1 << 20):
        target.write(chunk)
