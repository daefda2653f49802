"""The page of the filter computes what Python computes, and sends a typed number back.

Skipped where Chromium is missing: apt-get install chromium.
"""

import base64
import json
import shutil

import numpy as np
import pytest

from course_lib.widgets import KERNELS, FilterWidget, apply_kernel, visible

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine: apt-get install chromium", allow_module_level=True)
playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
SCRIPT = str(FilterWidget._esm).encode()
# What Jupyter gives to the page: values by name, and a call when one changes.
PAGE = """<div id="place"></div><script type="module">
const page = await import("data:text/javascript;base64,SCRIPT");
const bytes = Uint8Array.from(atob("PHOTO"), (letter) => letter.charCodeAt(0));
const values = {...STATE, photo: new DataView(bytes.buffer)}, calls = {};
window.model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; calls["change:" + name]?.(); },
  save_changes() {}, on: (event, call) => { calls[event] = call; }, off() {},
};
page.default.render({ model: window.model, el: document.getElementById("place") });
window.ready = true;
</script>"""
RESULT = """() => {
  const canvas = document.querySelectorAll("canvas")[1];
  const colours = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return [...colours].filter((_, place) => place % 4 === 0);
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    state = {"width": 30, "kernels": KERNELS, "name": "blur", "kernel": KERNELS["blur"]}
    text = PAGE.replace("STATE", json.dumps(state))
    text = text.replace("PHOTO", base64.b64encode(PHOTO.tobytes()).decode())
    text = text.replace("SCRIPT", base64.b64encode(SCRIPT).decode())
    file = tmp_path_factory.mktemp("filter") / "page.html"
    file.write_text(text)
    with playwright_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.goto(file.as_uri())
        page.wait_for_function("window.ready")
        yield page
        browser.close()


@pytest.mark.parametrize("name", KERNELS)
def test_page_and_python_agree(page, name):
    page.select_option("select", name)
    expected = visible(apply_kernel(PHOTO, np.reshape(KERNELS[name], (3, 3))))
    assert page.evaluate(RESULT) == expected.ravel().tolist()


def test_typed_number_becomes_part_of_the_kernel(page):
    page.select_option("select", "spots")
    page.get_by_label("row 2, column 2").fill("-2.5")
    wanted = [*KERNELS["spots"][:4], -2.5, *KERNELS["spots"][5:]]
    assert page.evaluate("[model.get('name'), model.get('kernel')]") == ["your own", wanted]
    expected = visible(apply_kernel(PHOTO, np.reshape(wanted, (3, 3))))
    assert page.evaluate(RESULT) == expected.ravel().tolist()


def test_no_key_is_lost_to_the_notebook(page):
    inputs = page.locator("input, select")
    assert inputs.count() == 10
    for number in range(10):
        assert inputs.nth(number).get_attribute("data-lm-suppress-shortcuts") == "true"
