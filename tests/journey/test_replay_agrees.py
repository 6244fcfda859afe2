"""A real recording goes through hub, broker, store, model and page; `telecare replay` on its file says the same."""

import json
import re
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy import cli
from deploy.demo_stack import DemoStack
from deploy.seed import Login
from simulators.fleet import World, recorded_home
from store.home_file import read_home_file
from store.recording import read_recording
from tests.journey.stage import wait_until

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "recordings"

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the real recordings are not here"),
]


@pytest.mark.parametrize("name", ["kasteren_houseB", "kasteren_houseA"])
def test_the_service_finds_in_a_recording_what_replay_finds(name: str, scratch: Path) -> None:
    recording, home_file = RECORDINGS / f"{name}.csv.gz", RECORDINGS / f"{name}.home.json"
    home = read_home_file(home_file)
    rows = [row.at for row in read_recording(recording, home)]
    start = max(rows) + timedelta(minutes=30)

    world = World(start=start, homes=(recorded_home(home, recording, is_moved=False),))
    with DemoStack(scratch / f"recorded-{name}", world, durable=False) as demo:
        demo.wait_until_it_answers()
        wait_until(demo, "the recording is uploaded and learned", lambda: demo.progress().is_done, seconds=180)
        with demo.connect() as conn:
            stored = conn.execute("SELECT count(*) FROM sensor_event").fetchone()
            as_of = conn.execute("SELECT as_of FROM routine").fetchone()
        assert stored is not None
        assert as_of is not None
        assert stored[0] == len(rows)
        in_service = findings_of_service(demo, home.id, min(rows), start)
        page = chart_page(demo, home.id, start)

    found = scratch / f"{name}.jsonl"
    arguments = ["replay", str(recording), "--home", str(home_file), "--until", start.isoformat()]
    assert cli.main([*arguments, "--output", str(found)]) == 0
    in_replay = [json.loads(line) for line in found.read_text().splitlines()]

    until = as_of[0] - timedelta(minutes=2)
    assert told_by(in_replay, until)
    assert told_by(in_service, until) == told_by(in_replay, until)
    assert f"Home {home.id}" in page
    assert "24-hour chart" in page


def findings_of_service(demo: DemoStack, code: str, start: datetime, until: datetime) -> list[dict[str, Any]]:
    with closing(signed_in(demo)) as api:
        span = {"from": start.isoformat(), "until": until.isoformat()}
        answer = api.get(f"/api/v1/homes/{code}/findings", params=span)
        return list(answer.raise_for_status().json())


def chart_page(demo: DemoStack, code: str, until: datetime) -> str:
    """The page as a clinician's browser gets it, after the sign-in form."""
    with httpx.Client(base_url=demo.pages_url, timeout=20.0, follow_redirects=True) as browser:
        form = browser.get("/sign-in").raise_for_status().text
        token = re.search(r'name="form_token" value="([^"]+)"', form)
        assert token is not None
        clinician = clinician_of(demo)
        answers = {"form_token": token[1], "email": clinician.email, "password": clinician.password, "next": "/"}
        browser.post("/sign-in", data=answers).raise_for_status()
        return browser.get(f"/homes/{code}", params={"until": until.date().isoformat()}).raise_for_status().text


def signed_in(demo: DemoStack) -> httpx.Client:
    clinician = clinician_of(demo)
    api = httpx.Client(base_url=demo.pages_url, timeout=20.0)
    answer = api.post("/api/v1/session", json={"email": clinician.email, "password": clinician.password})
    api.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['token']}"
    return api


def clinician_of(demo: DemoStack) -> Login:
    return next(login for login in demo.logins if login.role == "clinician")


def told_by(findings: list[dict[str, Any]], until: datetime) -> dict[str, tuple[Any, ...]]:
    """What a person would have been told by then: the last word on each finding."""
    told: dict[str, tuple[Any, ...]] = {}
    for finding in findings:
        if datetime.fromisoformat(finding["raised_at"]) <= until:
            ended = finding["ended_at"] and datetime.fromisoformat(finding["ended_at"])
            told[finding["id"]] = (
                finding["kind"],
                finding["grade"],
                datetime.fromisoformat(finding["raised_at"]),
                datetime.fromisoformat(finding["started_at"]),
                ended if ended and ended <= until else None,
            )
    return told
