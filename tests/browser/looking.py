"""What every page has to be, asked of the page as Chromium shows it.

Each function returns what is wrong as sentences, so that one look tells everything; empty is good.
"""

import re
from collections import Counter
from datetime import datetime

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # the rules that passed are counted, not reported node by node
}
MOST_STOPS = 400
PARTS = 8  # a date or time field has a stop for each of its parts
INLINE = {
    r"<style": "a style element",
    r"<[a-z][^>]*\sstyle\s*=": "a style attribute",
    r"<script(?![^>]*\ssrc=)": "a script element with text",
    r"<[a-z][^>]*\son[a-z]+\s*=": "an attribute that holds script",
}

VISIBLE = """
const isSeen = (node) => node.checkVisibility({visibilityProperty: true, opacityProperty: true})
  && node.getBoundingClientRect().width > 1 && !node.closest(".vh");
const named = (node) => `${node.localName} “${(node.innerText || node.ariaLabel || node.name || "").trim().slice(0, 40)}”`;
"""

SMALL = f"""() => {{ {VISIBLE}
  const inSentence = (node) => getComputedStyle(node).display === "inline"
    && node.parentElement.innerText.trim() !== node.innerText.trim();
  return [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((node) => isSeen(node) && !node.matches(".skip") && !inSentence(node))
    .map((node) => [node, node.getBoundingClientRect()])
    .filter(([, box]) => box.width < 23.9 || box.height < 23.9)
    .map(([node, box]) => `${{named(node)}} is ${{box.width.toFixed(1)}} × ${{box.height.toFixed(1)}} px`);
}}"""

STRUCTURE = f"""() => {{ {VISIBLE}
  const wrong = [];
  const plain = (text) => text.replace(/\\s+/g, " ").trim();
  const headings = [...document.querySelectorAll("h1")];
  if (headings.length !== 1) wrong.push(`${{headings.length}} h1`);
  const title = plain(document.title).replace(/^\\(\\d+\\) /, "");
  const heading = plain(headings[0]?.innerText ?? "");
  if (!title.startsWith("Error: ") && !title.startsWith(heading))
    wrong.push(`the title “${{title}}” does not begin with the heading “${{heading}}”`);
  if (document.documentElement.lang !== "en") wrong.push("no lang");
  for (const table of document.querySelectorAll("table"))
    if (!plain(table.caption?.textContent ?? "")) wrong.push("a table without a caption");
  if (document.querySelectorAll("[aria-sort]").length > 1) wrong.push("several aria-sort");
  const navs = [...document.querySelectorAll("nav")].filter(isSeen).map(
    (nav) => nav.ariaLabel || document.getElementById(nav.getAttribute("aria-labelledby"))?.innerText);
  if (navs.includes(undefined) || new Set(navs).size !== navs.length)
    wrong.push(`landmarks without a name of their own: ${{navs}}`);
  return wrong;
}}"""

TIMES = """() => [...document.querySelectorAll("time")].map(
  (time) => [time.getAttribute("datetime") ?? "", time.textContent.trim()])"""
TIME_IN_WORDS = re.compile(
    r"((Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{1,2} [A-Z][a-z]{2} (\d{4} )?)?\d\d:\d\d(:\d\d)? UTC"
)

STOP = f"""() => {{ {VISIBLE}
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const box = [...node.getClientRects()].find((one) => one.width && one.height);
  const hits = (x, y) => {{
    const hit = document.elementFromPoint(x, y);
    return hit && (node === hit || node.contains(hit));
  }};
  const across = box && [box.left + 2, box.left + box.width / 2, box.right - 2];
  const down = box && [box.top + 2, box.top + box.height / 2, box.bottom - 2];
  const drawn = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {{
    name: named(node),
    place: [...document.querySelectorAll("*")].indexOf(node),
    isSkip: node.matches(".skip"),
    isCovered: !box || !across.some((x) => down.some((y) => hits(x, y))),
    hasRing: drawn(getComputedStyle(node)) || drawn(getComputedStyle(node, "::after")),
  }};
}}"""


def axe(page: Page, totals: Counter) -> list[str]:
    """`totals` counts looks, rules that passed and violations, to be reported."""
    found = Axe().run(page, options=RULES)
    totals["looks"] += 1
    totals["rules passed"] += len(found.response["passes"])
    totals["violations"] += found.violations_count
    return [
        f"axe: {rule['id']}, {rule['help']}: {node['html'][:160]}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


def sideways(page: Page) -> list[str]:
    wide, shown = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [] if wide <= shown else [f"scrolls sideways: {wide} > {shown} px"]


def small(page: Page) -> list[str]:
    """Controls under 24 × 24 px. Links in a sentence are excepted, as WCAG 2.5.8 does."""
    return page.evaluate(SMALL)


def structure(page: Page) -> list[str]:
    return page.evaluate(STRUCTURE)


def times(page: Page) -> list[str]:
    """Every time is one that machines read, with its absolute text in sight."""
    wrong = []
    for machine, words in page.evaluate(TIMES):
        try:
            is_exact = datetime.fromisoformat(machine).tzinfo is not None
        except ValueError:
            is_exact = False
        if not is_exact or not TIME_IN_WORDS.fullmatch(words):
            wrong.append(f"time “{words}” with datetime “{machine}”")
    return wrong


def inline(html: str) -> list[str]:
    return [what for pattern, what in INLINE.items() if re.search(pattern, html, re.I)]


def tabbing(page: Page) -> list[str]:
    """From the skip link on, by Tab alone, through every stop and out again."""
    page.evaluate(
        "document.activeElement?.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)"
    )
    page.evaluate(
        "document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')"
    )
    wrong, before, count, same = [], -1, 0, 0
    while True:
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None or (count and stop["isSkip"]):
            return wrong
        if count == 0 and not stop["isSkip"]:
            wrong.append(f"first comes {stop['name']}, not the skip link")
        if stop["isCovered"]:
            wrong.append(f"{stop['name']} has the focus and is covered")
        if not stop["hasRing"]:
            wrong.append(f"{stop['name']} has the focus and shows no ring")
        same = same + 1 if stop["place"] == before else 0
        if stop["place"] < before or same > PARTS:
            return [*wrong, f"{stop['name']} comes after what stands behind it, or holds the focus"]
        before, count = stop["place"], count + 1
        if count > MOST_STOPS:
            return [*wrong, "Tab never leaves the page"]
