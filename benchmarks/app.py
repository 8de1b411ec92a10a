"""How long a visitor of `simlab app` waits, in headless Chromium on this machine.

    python -m benchmarks.app

A slider's move: from the key that moves it until data space and beta space have been painted anew.
A thousand samples: from the press of the button until the sampling distributions have been painted
with all of them. Nothing is asserted; a busy machine is slow.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import browser, served, visit

PRESETS = ("Robinson", "Simpson", "Slides example", "High schools", "Few schools", "Singular")
TIMES = 15

LISTEN = """
() => {
  const models = (name) => [...Bokeh.index.roots].map(view => view.model.document)
    .filter(document => document != null)
    .map(document => document.get_model_by_name(name)).find(model => model != null);
  window.view = (name) => Bokeh.index.find_one(models(name));
  window.count = () => {
    const within = (root) => {
      for (const e of root.querySelectorAll("*")) {
        if (e.dataset.count != null) { return Number(e.dataset.count); }
        const found = e.shadowRoot && within(e.shadowRoot);
        if (found != null) { return found; }
      }
      return null;
    };
    return within(document);
  };
  // Resolves with milliseconds from the next key or click until every picture named has had new
  // data and was painted after it, and `done` holds.
  window.wait = (kind, names, done) => new Promise(resolve => {
    document.addEventListener(kind, () => {
      const start = performance.now();
      let left = names.length;
      for (const name of names) {
        const source = view(name).model.renderers[0].data_source;
        let fresh = false, over = false;
        source.properties.data.change.connect(() => { fresh = true; });
        view(name).repainted.connect(() => {
          if (!fresh || over || !done()) { return; }
          over = true;
          left -= 1;
          if (left === 0) { resolve(performance.now() - start); }
        });
      }
    }, {capture: true, once: true});
  });
}
"""


MOVED = "() => { window.answer = wait('keydown', ['data picture', 'beta picture'], () => true) }"
DRAWN = """
(n) => { window.answer = wait('click', ['distributions picture'], () => count() === n) }
"""


def moves(page: Any) -> list[float]:
    """Milliseconds of single steps of the slider of β_B."""
    group = page.locator(".bk-input-group", has_text="β_B between schools")
    group.locator(".noUi-handle").focus()
    waited = []
    for i in range(TIMES):
        page.evaluate(MOVED)
        page.keyboard.press("ArrowRight" if i % 2 else "ArrowLeft")
        waited.append(page.evaluate("() => window.answer"))
        page.wait_for_timeout(150 + 1.0 * waited[-1])
    return waited


def thousands(page: Any) -> list[float]:
    """Milliseconds of a thousand samples."""
    page.get_by_role("button", name="clear", exact=True).click()
    page.wait_for_selector("table.methods[data-count='0']")
    waited = []
    for i in range(TIMES):
        page.evaluate(
            DRAWN,
            1000 * (i + 1),
        )
        page.get_by_role("button", name="draw 1000", exact=True).click()
        waited.append(page.evaluate("() => window.answer"))
    return waited


def main() -> None:
    """Measure every preset and print a table."""
    print(f"{'':15}{'slider → picture (ms)':>30}{'1,000 samples (ms)':>30}")
    print(f"{'':15}{'median':>20}{'worst':>10}{'median':>20}{'worst':>10}")
    with served() as address, browser() as chromium:
        page = visit(chromium, address)
        page.wait_for_selector("table.methods[data-count='1000']")
        page.evaluate(LISTEN)
        for preset in PRESETS:
            page.get_by_role("button", name=preset, exact=True).click()
            page.wait_for_timeout(2000)
            thousand = thousands(page)
            page.get_by_role("button", name="clear", exact=True).click()
            slider = moves(page)
            numbers = [f(v) for v in (slider, thousand) for f in (statistics.median, max)]
            print("{:15}{:>20.0f}{:>10.0f}{:>20.0f}{:>10.0f}".format(preset, *numbers), flush=True)


if __name__ == "__main__":
    main()
