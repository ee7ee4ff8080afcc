"""The whole app in a real browser, with real work: a photo becomes a head that moves, on a desk and on a phone."""

from __future__ import annotations

import numpy as np
import pytest

from browser import BROWSER, GRAPHICS
from served import serving

pytestmark = [pytest.mark.web, pytest.mark.slow]
MINUTES = 60_000  # milliseconds


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api")
    if BROWSER is None:
        pytest.skip("needs Chromium")
    camera = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", *GRAPHICS, *camera])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, server):
    """An open page; what the browser complains about, or a request that leaves this computer, fails the test."""
    wrong = []
    context = chromium.new_context(accept_downloads=True)
    page = context.new_page()
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda one: one.url.startswith((server, "blob:", "data:", "about:")) or wrong.append(one.url))
    page.goto(server)
    page.wait_for_selector("body[data-ready]")
    yield page
    context.close()
    assert not wrong


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    from skimage import data, io

    path = tmp_path_factory.mktemp("photos") / "astronaut.png"
    io.imsave(path, data.astronaut())
    return path


def pixels(frame):
    import cv2

    shot = np.frombuffer(frame.locator("#view").screenshot(), np.uint8)
    return cv2.imdecode(shot, 1).astype(int)


def test_a_photo_becomes_a_head_that_moves(page, chromium, server, portrait, tmp_path):
    page.set_input_files("#files", portrait)
    page.click("#settings summary")
    page.fill("#f-texture_size", "512")
    for extra in ("obj", "stl", "ply"):
        page.uncheck(f"input[value={extra}]")
    page.uncheck("#f-turntable")
    page.click("#go")
    page.wait_for_selector(".job .steps .now", timeout=3 * MINUTES)
    page.wait_for_selector(".result", timeout=4 * MINUTES)
    page.click(".result")
    frame = page.frame_locator("#show iframe")
    frame.locator("body[data-ready]").wait_for(timeout=2 * MINUTES)
    still = pixels(frame)
    frame.locator("#s-jawOpen").fill("1")
    page.wait_for_timeout(300)
    moved = pixels(frame)
    assert np.abs(moved - still).mean() > 0.2, "the slider moves the face"
    for button in ("Grey", "Wires", "Real or guessed"):
        frame.get_by_role("button", name=button).click()
        page.wait_for_timeout(300)
        assert np.abs(pixels(frame) - moved).mean() > 0.5, button
    frame.get_by_label("Over the photo").check()
    assert frame.locator("#view.through #photo").is_visible()
    page.click("#downloads summary")
    with page.expect_download() as download:
        page.get_by_role("link", name="head.glb").click()
    file = tmp_path / "head.glb"
    download.value.save_as(file)
    assert file.read_bytes()[:4] == b"glTF" and download.value.suggested_filename == "head.glb"
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything as ZIP").click()
    assert download.value.suggested_filename == "maquette-face.zip"
    other = chromium.new_context().new_page()
    other.goto(f"{server}{page.url.removeprefix(server)}")
    other.wait_for_selector("body[data-ready]")
    assert not other.locator(".result").count() and not other.locator("#show").is_visible(), (
        "another browser sees nothing"
    )
    page.reload()
    page.wait_for_selector("#show iframe")
    page.click("#back")
    assert page.locator(".result").count() == 1


def test_a_broken_photo_is_one_line_and_work_can_be_cancelled(page, tmp_path, portrait):
    (tmp_path / "broken.jpg").write_bytes(portrait.read_bytes()[:5000])
    page.set_input_files("#files", tmp_path / "broken.jpg")
    page.click("#go")
    card = page.locator(".job[data-state=failed]")
    card.wait_for(timeout=2 * MINUTES)
    assert card.locator(".wrong").inner_text().startswith("broken.jpg")
    card.get_by_role("button", name="Dismiss").click()
    card.wait_for(state="detached")
    page.set_input_files("#files", portrait)
    page.click("#go")
    page.locator(".job").get_by_role("button", name="Cancel").click()
    page.locator(".job[data-state=cancelled]").wait_for()


def test_the_camera_gives_photos_and_clips(page):
    page.click("#camera")
    take = page.locator("#shoot button[value=take]")
    take.click()
    page.get_by_text("One photo taken.").wait_for()
    take.click()
    page.get_by_text("2 photos taken.").wait_for()
    page.click("#shoot button[value=close]")
    assert page.locator("#chosen li").count() == 2 and "2 photos" in page.inner_text("#go")
    page.click("#kinds [value=clip]")
    assert page.locator("#chosen li").count() == 0 and page.is_disabled("#go")
    page.click("#camera")
    take.click()
    page.wait_for_timeout(1500)
    take.click()
    page.locator("#chosen video").wait_for()
    assert page.is_enabled("#go")


def test_the_token_opens_the_page(chromium, tmp_path):
    with serving(tmp_path / "s", token="a-token-of-some-length") as address:
        page = chromium.new_context().new_page()
        page.goto(address)
        for token in ("another-one-of-that-length", "a-token-of-some-length"):
            page.fill("input", token)
            page.click("button")
            if token.startswith("another"):
                page.get_by_text("That is not the token.").wait_for()
        page.wait_for_selector("body[data-ready]")
        page.context.close()


def test_it_fits_a_phone_in_light_and_dark(chromium, server):
    for scheme in ("light", "dark"):
        context = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
        page = context.new_page()
        page.goto(server)
        page.wait_for_selector("body[data-ready]")
        page.click("#settings summary")
        for kind in ("face", "person", "pet", "clip"):
            page.click(f"#kinds [value={kind}]")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, kind
        light = page.evaluate("getComputedStyle(document.body).color").count("230") > 0
        assert light == (scheme == "dark")
        context.close()
