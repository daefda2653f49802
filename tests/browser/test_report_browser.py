"""A browser without a network shows the whole report.

Skipped where Chromium is missing: apt-get install chromium.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course_lib.data import label_numbers
from course_lib.evaluation import Predictions, report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine: apt-get install chromium", allow_module_level=True)
playwright_api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")


@pytest.mark.parametrize("width", [1200, 400])
def test_the_report_is_whole_without_a_network(index: pd.DataFrame, tmp_path: Path, width: int) -> None:
    labels = label_numbers(index)
    logits = np.random.default_rng(0).normal(0, 1.5, (len(labels), 2)) + np.eye(2)[labels] * 2
    side = Predictions(logits, labels, index)
    path = report({"random split": {"validation": side, "test": side}}, tmp_path / "report.html")

    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        context = browser.new_context(offline=True, viewport={"width": width, "height": 800})
        tab = context.new_page()
        complaints, asked = [], []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(path.as_uri())
        sizes = tab.locator("img").evaluate_all("all => all.map(image => image.naturalWidth)")
        too_wide = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        browser.close()
    assert complaints == []
    assert len(sizes) >= 5 and min(sizes) > 10
    assert too_wide <= 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
