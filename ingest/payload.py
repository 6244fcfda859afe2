"""From payload bytes to JSON, within limits that one bad message cannot pass. Pure."""

import json
import math
from typing import Any, NoReturn

from ingest.wire import Reason, Rejected

MAX_BYTES = 1_000_000  # NATS refuses more than 1 MiB by default; a day of a busy home is 300 kB
MAX_READINGS = 10_000  # of one list
MAX_DEPTH = 32  # real payloads nest three deep; bridge/devices six


def parse_json(payload: bytes) -> Any | Rejected:
    """The JSON value, or why there is none. NaN and infinities, which JSON does not have, are refused."""
    if len(payload) > MAX_BYTES:
        return Rejected(reason=Reason.TOO_LARGE, detail=f"payload: {len(payload)} bytes, more than {MAX_BYTES}")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as exc:
        return Rejected(reason=Reason.NOT_JSON, detail=f"payload: not UTF-8 at byte {exc.start}")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as exc:
        return Rejected(reason=Reason.NOT_JSON, detail=f"payload: {exc.msg} at character {exc.pos}")
    except ValueError as exc:  # a number of thousands of digits, NaN, 1e999
        return Rejected(reason=Reason.NOT_JSON, detail=f"payload: {str(exc)[:120]}")
    except RecursionError:
        return Rejected(reason=Reason.NOT_JSON, detail="payload: nested too deeply")
    if _is_deeper(value, MAX_DEPTH):
        return Rejected(reason=Reason.NOT_JSON, detail=f"payload: nested more than {MAX_DEPTH} deep")
    return value


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, (list, dict))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (list, dict))
        ]
        if not level:
            return False
    return True
