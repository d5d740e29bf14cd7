"""`python -m tests.lint_templates`: nothing in a template that the strict CSP or htmx would trip on."""

import re
import sys
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
FORBIDDEN = {
    r"\bhx-on": "hx-on runs script from an attribute",
    r"\bjs:": "js: evaluates script",
    r"\bhx-vars\b": "hx-vars evaluates script",
    r"hx-trigger=\"[^\"]*\[": "a trigger filter is ignored without eval, and the request still fires",
    r"\son[a-z]+=": "an inline handler is refused by the CSP",
    r"\sstyle=": "an inline style is refused by the CSP",
    r"<style": "an inline style is refused by the CSP",
    r"<script(?![^>]*\b(?:src=|type=\"application/json\"))": "an inline script is refused by the CSP",
    r"\|safe\b": "unescaped text",
    r"autoescape off": "unescaped text",
    r"https?://(?!www\.w3\.org/)": "an address of another host",
}


def problems() -> list[str]:
    """One line for each place."""
    found = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        for pattern, why in FORBIDDEN.items():
            for match in re.finditer(pattern, text):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(TEMPLATES)}:{line}: {why}")
        found += _posts_without_a_form(path, text)
    return found


def _posts_without_a_form(path: Path, text: str) -> list[str]:
    bare = re.findall(r"<(?!form)[a-z]+[^>]*\bhx-post", text)
    return [f"{path.relative_to(TEMPLATES)}: hx-post outside of a form"] * len(bare)


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or "Templates: nothing to complain about.")
    sys.exit(bool(found))
