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
from course_lib.quiz.bank import find_bank, load_bank
from course_lib.quiz.collect import collect
from course_lib.quiz.report import write_report
from course_lib.quiz.simulate import simulate_class
from course_lib.quiz.stats import class_statistics

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


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_report_of_a_class_fits_a_phone_and_is_dark_in_the_dark(tmp_path: Path, language: str) -> None:
    banks = [load_bank(find_bank(2))]
    collected = collect(simulate_class(tmp_path / "class", banks, learners=12, disputed="02-truncated"), banks)
    statistics = class_statistics(collected.answers, banks)
    path = write_report(statistics, tmp_path / "report.html", collected.summary(language) + "x" * 200, language)
    brightness = "(node) => getComputedStyle(node).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)"
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        backgrounds = {}
        for scheme in ("light", "dark"):
            context = browser.new_context(
                offline=True, viewport={"width": 390, "height": 844}, device_scale_factor=2, color_scheme=scheme
            )
            tab = context.new_page()
            tab.goto(path.as_uri())
            tab.locator("details").evaluate_all("all => all.forEach(part => part.open = true)")
            assert tab.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
            backgrounds[scheme] = sum(tab.locator("body").evaluate(brightness))
        browser.close()
    assert backgrounds["light"] > 700 and backgrounds["dark"] < 150
