"""The pages in a real browser: the keyboard is enough, the chart is drawn, and a phone never scrolls sideways."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from anomaly.equipment_watch import EquipmentWatch
from api.main import serve
from api.settings import ApiSettings
from deploy.local_stack.ports import LOOPBACK, free_port, is_free
from store.alert import alert_by_code
from store.clock import ClockSettings, make_clock
from store.database import Conn, Pool
from store.equipment import EquipmentDay, note_equipment_day
from store.home import SensorKind, home_by_code, sensors_of
from store.hub import HubCheckIn, HubState, insert_check_ins
from store.rejected_message import RejectedMessage, keep_rejected
from store.sensor_event import SensorEvent, insert_events
from store.sensor_offer import offer_sensors
from store.staff import Role
from tests.api.seed import (
    PASSWORD,
    email_of,
    seed_alert,
    seed_fault_alert,
    seed_gallery,
    seed_home,
    seed_organisation,
    seed_routine,
)

pytestmark = [pytest.mark.browser, pytest.mark.database]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
PATIENCE = 15_000  # ms; the machine may be busy


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def address(conn: Conn, pool: Pool, now: datetime) -> Iterator[str]:
    """Where the real server shows a small, lived-in world."""
    ours = seed_organisation(
        conn, "Telecare Demo", {Role.OPERATOR: "Olive Operator", Role.SUPERVISOR: "Sam Super"}, now=now, phones=0
    )
    home = seed_home(conn, ours, "K7", resident="Mary Brown", now=now)
    seed_routine(conn, home, warm_up_days=0, now=now)
    kettle = next(sensor.id for sensor in sensors_of(conn, home.id) if sensor.code == "kettle")
    insert_events(
        conn,
        [
            SensorEvent(home_id=home.id, sensor_id=kettle, occurred_at=at, received_at=at, number=n, value=1.0)
            for n in range(1, 72)
            for at in [now - timedelta(hours=72 - n)]
        ],
    )
    insert_check_ins(
        conn,
        [
            HubCheckIn(
                home_id=home.id, occurred_at=at, received_at=at, number=1000 + n, state=HubState.CHECKIN, backlog=0
            )
            for n in range(72 * 6)
            for at in [now - timedelta(minutes=10 * n)]
        ],
    )
    seed_gallery(conn, ours, now=now - timedelta(hours=1))
    seed_alert(conn, ours, home, "4F2Q", now=now)
    seed_fault_alert(conn, ours, home, "T7PW", now=now)
    conn.commit()

    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    settings = ApiSettings(public_url=url, api_host=LOOPBACK, api_port=port)
    stop = threading.Event()
    server = threading.Thread(target=serve, args=(pool, make_clock(ClockSettings(start=now)), settings, stop))
    server.start()
    try:
        wait_until_it_listens(port)
        yield url
    finally:
        stop.set()
        server.join(timeout=15)


def wait_until_it_listens(port: int) -> None:
    for _ in range(100):
        if not is_free(port):
            return
        time.sleep(0.1)
    pytest.fail("the pages did not come up within 10 s")


@contextmanager
def page_of(chromium: Browser, address: str, *, width: int = 1280, signed_in_as: str = "") -> Iterator[Page]:
    """A page whose console must stay silent: what the content security policy forbids would be said there."""
    with ExitStack() as stack:
        context = chromium.new_context(base_url=address, viewport={"width": width, "height": 740})
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        said: list[str] = []

        def keep(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                said.append(message.text)

        page.on("console", keep)
        page.on("pageerror", lambda error: said.append(str(error)))
        if signed_in_as:
            page.goto("/sign-in")
            sign_in_by_keyboard(page, signed_in_as)
        yield page
        assert said == []


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the thing of this name has the focus, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(({innerText, labels, name}) => (innerText || labels?.[0]?.innerText || name || '').trim())"
            "(document.activeElement)"
        )
        if name in focused:
            return
    pytest.fail(f"Tab never came to “{name}” at {page.url}")


def sign_in_by_keyboard(page: Page, name: str) -> None:
    tab_to(page, "E-mail address")
    page.keyboard.type(email_of(name))
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")


def is_focus_visible(page: Page) -> bool:
    """The thing that has the focus is drawn differently from how it is drawn without."""
    changed: bool = page.evaluate(
        """() => {
            const thing = document.activeElement;
            const drawn = () => ['backgroundColor', 'boxShadow', 'outlineStyle', 'outlineColor', 'borderColor']
                .map((word) => getComputedStyle(thing)[word]).join();
            const focused = drawn();
            thing.blur();
            return drawn() !== focused;
        }"""
    )
    return changed


def test_an_alert_is_taken_on_and_closed_with_the_keyboard_alone(chromium: Browser, address: str, conn: Conn) -> None:
    with page_of(chromium, address, signed_in_as="olive") as page:
        expect(page.locator("#open-heading")).to_have_text("Open (5)")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.innerText") == "Skip to main content"
        page.keyboard.press("Enter")
        tab_to(page, "No usual activity")
        page.keyboard.press("Enter")
        page.wait_for_url("**/alerts/4F2Q")
        tab_to(page, "Take it on")
        page.keyboard.press("Enter")
        page.wait_for_url("**?done=acknowledge")
        expect(page.get_by_role("alert")).to_contain_text("You have taken this alert on.")
        expect(page.get_by_role("link", name="+447700900999")).to_be_visible()
        tab_to(page, "Somebody is there now")
        page.keyboard.press("Enter")
        page.wait_for_url("**?done=attend")
        tab_to(page, "Genuine: the resident needed help")
        page.keyboard.press("Space")
        tab_to(page, "Close the alert")
        page.keyboard.press("Enter")
        page.wait_for_url("**?done=close")
        expect(page.get_by_role("alert")).to_contain_text("This alert is closed.")
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    assert (alert.state, alert.outcome) == ("closed", "genuine")


def test_whoever_uses_the_keyboard_sees_where_they_are(chromium: Browser, address: str) -> None:
    with page_of(chromium, address, signed_in_as="sam") as page:
        for path, names in {
            "/": ("Telecare", "Sign out", "Homes", "No usual activity"),
            "/homes/K7": ("All homes", "2 weeks", "Kitchen", "The numbers behind the chart"),
            "/alerts/4F2Q": ("Take it on", "Pass it on", "Close this alert"),
        }.items():
            page.goto(path)
            for name in names:  # in the order of the page
                tab_to(page, name)
                assert is_focus_visible(page), f"{name} at {path}"


def test_the_chart_is_drawn_in_the_browser_itself(chromium: Browser, address: str) -> None:
    with page_of(chromium, address, signed_in_as="olive") as page:
        page.goto("/homes/K7")
        drawing = page.locator("#drawing .chart__canvas svg")
        drawing.wait_for()
        assert drawing.locator("path").count() > 100
        expect(page.locator(".chart__wait")).to_have_count(0)
        expect(page.locator("#drawing img")).to_have_count(0)  # the picture that stands in when a script fails
        page.get_by_text("The numbers behind the chart").click()
        expect(page.get_by_role("row")).to_have_count(29)


@pytest.mark.parametrize("width", [360, 320])
def test_no_page_scrolls_sideways_on_a_phone(chromium: Browser, address: str, width: int) -> None:
    with page_of(chromium, address, width=width, signed_in_as="sam") as page:
        for path in ("/", "/homes", "/homes/K7", "/homes/K7/equipment", "/alerts/4F2Q", "/alerts/B4RT", "/status"):
            page.goto(path)
            if path == "/homes/K7":
                page.locator("#drawing .chart__canvas svg").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"  # `npm ci` brings it
LONG_NAME = "Schlafzimmer/Bewegungsmelder_links_neben_dem_Fenster_0x00158d0001a2b3c4"


@pytest.fixture
def worn(conn: Conn, now: datetime, address: str) -> str:
    """The same world; in K7 a sensor reports that nobody has placed, another is offered, and a link is weak."""
    home = home_by_code(conn, "K7")
    assert home is not None
    refused = RejectedMessage(
        home_id=home.id,
        topic=f"homes/00/K7/zigbee2mqtt/{LONG_NAME}",
        payload=b"{}",
        reason="unknown_sensor",
        detail=f"topic: no sensor {LONG_NAME!r} in this home",
        received_at=now - timedelta(hours=3),
    )
    keep_rejected(conn, [refused])
    offer_sensors(conn, home.id, {"0x00158d0001": (SensorKind.DOOR, "MCCGQ11LM")}, now=now - timedelta(hours=2))
    sensor = sensors_of(conn, home.id)[0]
    conn.execute("UPDATE sensor SET battery_percent = 7, signal_quality = 11, last_heard_at = %s", (now,))
    weak: list[int | None] = [11 if hour in (3, 19, 20) else None for hour in range(24)]
    days = [now.date() - timedelta(days=ago) for ago in range(4)]
    note_equipment_day(
        conn,
        home.id,
        [EquipmentDay(sensor_id=sensor.id, day=day, battery_percent=7, weak_signal=weak) for day in days],
    )
    EquipmentWatch(home).look(conn, now=now)
    conn.commit()
    return address


def test_a_sensor_nobody_has_placed_is_a_fault_on_the_equipment_page(chromium: Browser, worn: str) -> None:
    with page_of(chromium, worn, signed_in_as="sam") as page:
        page.goto("/homes/K7")
        tab_to(page, "Equipment")
        assert is_focus_visible(page)
        page.goto("/homes/K7/equipment")
        faults = page.get_by_role("table", name="Faults, the latest first")
        expect(faults).to_contain_text("2 sensors report and nobody has said where")
        expect(faults).to_contain_text(LONG_NAME)
        expect(faults).to_contain_text("weak signal on most days, down to 11 of 255")
        expect(faults).to_contain_text("7 % of its battery left")
        waiting = page.get_by_role("table", name="Sensors to name and place")
        expect(waiting).to_contain_text(LONG_NAME)
        expect(waiting).to_contain_text("MCCGQ11LM")
        tab_to(page, "Each of them, with what is wrong")
        assert is_focus_visible(page)


@pytest.mark.parametrize("width", [1280, 360, 320])  # 320: a window of 1280 at 400 %
def test_the_equipment_page_has_nothing_that_axe_finds_and_never_scrolls_sideways(
    chromium: Browser, worn: str, width: int
) -> None:
    with page_of(chromium, worn, width=width, signed_in_as="sam") as page:
        page.goto("/homes/K7/equipment")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA, one line each."""
    page.evaluate(AXE.read_text())  # as the browser's own tools would: the page's policy lets no script in
    found: list[str] = page.evaluate(
        """async () => (await axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}))
            .violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 120)}`))"""
    )
    return found
