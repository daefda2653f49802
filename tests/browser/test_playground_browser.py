"""The page of the playground shows what Python drew and sends back what is chosen by keyboard.

Skipped where Chromium is missing: apt-get install chromium.
"""

import base64
import json
import shutil

import numpy as np
import pytest

from course_lib.widgets import AugmentationPlayground

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine: apt-get install chromium", allow_module_level=True)
playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

SCRIPT = str(AugmentationPlayground._esm).encode()
# What Jupyter gives to the page: values by name, and a call when one changes.
PAGE = """<div id="place"></div><script type="module">
const page = await import("data:text/javascript;base64,SCRIPT");
const values = STATE, calls = {};
window.fromPython = (shown) => {
  const bytes = Uint8Array.from(atob(shown.picture), (letter) => letter.charCodeAt(0));
  values.shown = {...shown, picture: new DataView(bytes.buffer)};
  calls["change:shown"]?.();
};
window.fromPython(values.shown);
window.model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; window.toPython({ [name]: value }); },
  save_changes() {}, on: (event, call) => { calls[event] = call; }, off() {},
};
page.default.render({ model: window.model, el: document.getElementById("place") });
window.ready = true;
</script>"""


def for_page(shown: dict) -> dict:
    return shown | {"picture": base64.b64encode(shown["picture"]).decode()}


def test_the_playground_is_played_from_the_keyboard(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (1, 48, 48), dtype=np.uint8)
    view = AugmentationPlayground(photo, photo[:, ::-1])
    state = {name: getattr(view, name) for name in ("names", "name", "strength", "probability")}
    state |= {"draw": view.draw, "shown": for_page(view.shown)}
    text = PAGE.replace("STATE", json.dumps(state), 1)
    file = tmp_path / "page.html"
    file.write_text(text.replace("SCRIPT", base64.b64encode(SCRIPT).decode(), 1), encoding="utf-8")
    with playwright_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        foreign, waiting = [], []
        page.on("request", lambda r: None if r.url.startswith(("data:", "file:", "blob:")) else foreign.append(r.url))
        # A function of Python's own, because Playwright writes a note onto it.
        page.expose_function("toPython", lambda change: waiting.append(change))

        def exchange():
            page.wait_for_timeout(50)  # lets the calls of the page arrive here
            assert waiting, "the page sent nothing"
            while waiting:
                view.set_state(waiting.pop(0))
            page.evaluate("window.fromPython", for_page(view.shown))
            assert page.locator("img").get_attribute("alt") == view.shown["words"]
            assert page.locator("[aria-live]").inner_text() == view.shown["words"]
            assert page.get_by_label("Code to copy").input_value() == view.shown["code"]

        page.goto(file.as_uri())
        page.wait_for_function("window.ready")
        strength, probability = page.get_by_label("Strength"), page.get_by_label("Probability")
        assert strength.is_disabled(), "turns have no strength"
        page.get_by_label("Augmentation").select_option("noise")
        exchange()
        assert strength.is_enabled()
        strength.focus()
        page.keyboard.press("ArrowRight")
        exchange()
        assert view.strength == 0.55
        assert strength.get_attribute("aria-valuetext") == view.shown["strength"]
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        exchange()
        assert view.probability == 0 and "0 of 16 differ" in view.shown["words"]
        page.keyboard.press("End")
        exchange()
        before = view.shown["picture"]
        page.get_by_role("button", name="Draw again").focus()
        page.keyboard.press("Enter")
        exchange()
        assert view.draw == 1 and view.shown["picture"] != before
        page.get_by_label("Augmentation").select_option("MixUp")
        exchange()
        assert probability.is_disabled(), "every batch is mixed"
        page.wait_for_function("document.querySelector('img').naturalWidth > 0")
        assert page.locator("img").evaluate("image => image.naturalWidth") == 612
        controls = page.locator("input, select, button, textarea")
        assert controls.count() == 5
        for number in range(5):
            assert controls.nth(number).get_attribute("data-lm-suppress-shortcuts") == "true"
        browser.close()
    assert foreign == [], "a request left the machine"
