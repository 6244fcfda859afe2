"""Compares what crosses the wire with Twilio's own published description (OpenAPI 3). Pure; for tests.

The description is handed in, never shipped. It says nothing of refusals, callbacks or webhooks.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

Description = Mapping[str, Any]
FORM = "application/x-www-form-urlencoded"


def request_problems(
    description: Description, method: str, path: str, fields: Mapping[str, Sequence[str]]
) -> list[str]:
    """What Twilio's description does not know or allow in the request; empty if all is well."""
    operation = _operation(description, method, path)
    if operation is None:
        return [f"{method} {path} is not described"]
    known = {each["name"]: each for each in operation.get("parameters", []) if each["in"] == "query"}
    required = {name for name, each in known.items() if each.get("required")}
    schemas = {name: each["schema"] for name, each in known.items()}
    if "requestBody" in operation:
        form = operation["requestBody"]["content"][FORM]["schema"]
        schemas |= form["properties"]
        required |= set(form.get("required", []))

    problems = [f"{name} is required" for name in sorted(required - set(fields))]
    for name, values in fields.items():
        if name not in schemas:
            problems.append(f"{name} is not a parameter of {method} {path}")
            continue
        schema = _resolved(description, schemas[name])
        several = schema.get("type") == "array"
        if len(values) > 1 and not several:
            problems.append(f"{name} is given {len(values)} times")
        schema = _resolved(description, schema["items"]) if several else schema
        problems += [f"{name}: {wrong}" for value in values if (wrong := _text_problem(schema, value))]
    return problems


def reply_problems(description: Description, method: str, path: str, status: int, body: Any) -> list[str]:
    """What in the answer's JSON differs from the description: unknown or missing fields, types, formats."""
    operation = _operation(description, method, path)
    answer = (operation or {}).get("responses", {}).get(str(status))
    if answer is None:
        return [f"{method} {path} does not answer {status}"]
    return _value_problems(description, answer["content"]["application/json"]["schema"], body, at="answer")


def _operation(description: Description, method: str, path: str) -> dict[str, Any] | None:
    for template, operations in description["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(template))
        if method.lower() in operations and re.fullmatch(pattern, path):
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def _resolved(description: Description, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def _text_problem(schema: Mapping[str, Any], text: str) -> str | None:
    """What is wrong with a parameter, which is always text on the wire."""
    kind = schema.get("type")
    if kind == "boolean" and text not in ("true", "false"):
        return f"{text!r} is not true or false"
    if kind in ("integer", "number"):
        try:
            number = int(text) if kind == "integer" else float(text)
        except ValueError:
            return f"{text!r} is not a number"
        if not schema.get("minimum", number) <= number <= schema.get("maximum", number):
            return f"{text} is out of range"
    return _format_problem(schema, text)


def _format_problem(schema: Mapping[str, Any], text: str) -> str | None:
    if "enum" in schema and text not in schema["enum"]:
        return f"{text!r} is none of {schema['enum']}"
    if "pattern" in schema and not re.search(schema["pattern"], text):
        return f"{text!r} does not match {schema['pattern']}"
    match schema.get("format"):
        case "date-time":
            reads = _reads(datetime.fromisoformat, text)
        case "date-time-rfc-2822":
            reads = _reads(parsedate_to_datetime, text)
        case "phone-number":
            reads = re.fullmatch(r"\+[1-9]\d{4,14}", text) is not None
        case _:
            reads = True
    return None if reads else f"{text!r} is no {schema['format']}"


def _reads(reader: Any, text: str) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


def _value_problems(description: Description, schema: Mapping[str, Any], value: Any, *, at: str) -> list[str]:
    schema = _resolved(description, schema)
    if value is None:
        return [] if schema.get("nullable") else [f"{at} is null"]
    match schema.get("type"):
        case "object" if isinstance(value, dict):
            properties = schema.get("properties", {})
            if not properties:
                return []  # a free map
            problems = [f"{at}.{name} is not described" for name in sorted(set(value) - set(properties))]
            problems += [f"{at}.{name} is missing" for name in sorted(set(properties) - set(value))]
            for name in set(value) & set(properties):
                problems += _value_problems(description, properties[name], value[name], at=f"{at}.{name}")
            return problems
        case "array" if isinstance(value, list):
            return [
                problem
                for place, one in enumerate(value)
                for problem in _value_problems(description, schema["items"], one, at=f"{at}[{place}]")
            ]
        case "string" if isinstance(value, str):
            if "uri" in schema.get("format", "") and not urlsplit(value).path:
                return [f"{at}: {value!r} is no address"]
            problem = _format_problem(schema, value)
            return [f"{at}: {problem}"] if problem else []
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            return []
        case kind:
            return [f"{at}: {value!r} is no {kind}"]
