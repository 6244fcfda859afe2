"""Mosquitto: writes its password file and has it read (SIGHUP). What is in the file is in force, nothing else.

Mosquitto 2.0.11 checks everybody who is connected against the file it has just read, and ends the connections of those
who are no longer in it or have another secret (tried; tests/deploy). It says nowhere that it has read the file. So each
file holds one more name, with a secret made for this file: once that is let in, the file is in force.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from deploy.brokers.contract import Change, NotInForce
from deploy.local_stack.credentials import Credential
from deploy.local_stack.process import command_of
from store.hub_credential import HubCredential, hash_secret, new_client_id, new_secret

WITNESS = "telecare-witness"  # no home may be called so
RELOAD_SECONDS = 30.0  # usual: at once; with 100,000 homes it reads for a moment


class Mosquitto:
    """The broker whose password and pid files these are; both on this machine, or on a volume that is shared."""

    def __init__(
        self, *, passwords: Path, services: Path, pid_file: Path, accepts: Callable[[Credential], bool]
    ) -> None:
        self._passwords = passwords
        self._services = services
        self._pid_file = pid_file
        self._accepts = accepts  # True if the broker lets this credential in now

    def check(self) -> None:
        """Raise NotInForce if the files cannot be read or written."""
        self._service_lines()
        folder = self._passwords.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise NotInForce(
                f"{folder} cannot be written; run this as the account that may write Mosquitto's passwords"
            )
        self._pid()

    def put_in_force(self, standing: Sequence[HubCredential], change: Change | None) -> None:
        """Replace the file in one step and tell Mosquitto. One that is not running reads it when it starts."""
        witness = Credential(username=WITNESS, password=new_secret(), client_id=new_client_id())
        witness_line = f"{WITNESS}:{hash_secret(witness.password)}"
        lines = [*self._service_lines(), witness_line, *home_lines(standing)]
        pid = self._pid()
        try:
            replace_as_before(self._passwords, "".join(f"{line}\n" for line in lines))
        except OSError as exc:
            raise NotInForce(f"cannot write {self._passwords}: {exc.strerror}") from exc
        if pid is None:
            return
        try:
            os.kill(pid, signal.SIGHUP)
        except ProcessLookupError:
            pass  # it ended meanwhile, and reads the file when it starts
        except PermissionError as exc:
            raise NotInForce(
                f"{self._passwords} is written, but we may not signal Mosquitto (process {pid}): run this as root or "
                "as its account, or reload it yourself (systemctl reload mosquitto)"
            ) from exc
        self._wait_until_read(witness, pid)

    def _wait_until_read(self, witness: Credential, pid: int) -> None:
        deadline = time.monotonic() + RELOAD_SECONDS
        while not self._accepts(witness):
            if time.monotonic() > deadline:
                raise NotInForce(
                    f"Mosquitto (process {pid}) was told to read {self._passwords}, but does not go by it: is that its "
                    "password_file, and does it listen at TELECARE_BROKER_HOST and TELECARE_BROKER_PORT?"
                )
            time.sleep(0.05)

    def _service_lines(self) -> list[str]:
        try:
            text = self._services.read_text()
        except OSError as exc:
            raise NotInForce(
                f"cannot read {self._services}: {exc.strerror}; make it: mosquitto_passwd -c {self._services} ingest"
            ) from exc
        return [line for line in text.splitlines() if line.strip()]

    def _pid(self) -> int | None:
        """None: it is not running."""
        try:
            pid = int(self._pid_file.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise NotInForce(f"cannot read Mosquitto's process number from {self._pid_file}: {exc}") from exc
        return pid if "mosquitto" in command_of(pid) else None  # a number left over from before


def home_lines(standing: Iterable[HubCredential]) -> list[str]:
    """The homes' lines of a Mosquitto password file."""
    return [f"{credential.home_code}:{credential.secret_hash}" for credential in standing]


def replace_as_before(file: Path, text: str) -> None:
    """Replace a file in one step, with the owner and mode it had: Mosquitto reads it under another account than ours.

    A new one belongs to whoever owns the folder and can be read by that account and its group.
    """
    beside = file.with_name(f"{file.name}.new")
    like = file.stat() if file.exists() else None
    owner = like or file.parent.stat()
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    if os.geteuid() == 0:
        os.chown(beside, owner.st_uid, owner.st_gid)
    beside.chmod(like.st_mode & 0o777 if like else 0o640)
    beside.replace(file)
