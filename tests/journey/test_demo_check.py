"""`telecare demo --check`: sensor event, broker, store, model, alert, SMS, reply, acknowledged, seen by the web API."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.journey


def test_the_whole_service_works_end_to_end_within_three_minutes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "--log-level", "warning", "demo", "--check", "--json"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["ok"]
    assert told["seconds"]["total"] <= 180
    assert told["alert"] in told["text"]
    assert told["alert"] in told["reply"]
