"""Files that are written whole or not at all."""

import tempfile
from pathlib import Path

from store.home_file import InputError


def write_whole(path: Path, content: bytes) -> None:
    """Put this where `path` says, in the place of what is there. Raises `InputError` if it cannot be written.

    A device or a pipe is written to: whoever may replace /dev/null by a file would do it otherwise.
    """
    temporary = None
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        with tempfile.NamedTemporaryFile(dir=path.absolute().parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
        temporary = None
    except OSError as exc:
        raise InputError(path, f"cannot be written: {exc.strerror}") from exc
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
