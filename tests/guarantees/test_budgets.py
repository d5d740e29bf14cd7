"""What our own script and style may weigh on one page, in bytes as they are served."""

from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"


def size(*names: str) -> int:
    return sum((STATIC / name).stat().st_size for name in names)


@pytest.mark.parametrize("more", ["live.js", "copy.js"])
def test_our_own_script_is_at_most_8_kb(more):
    assert size("js/app.js", f"js/{more}") <= 8_000


def test_our_style_sheet_is_at_most_25_kb():
    assert size("css/app.css") <= 25_000


def test_a_page_with_a_copy_button_loads_what_copies():
    pages = (STATIC.parent / "templates").rglob("*.html")
    texts = {path: path.read_text() for path in pages if path.parent.name != "components"}
    marks = ("copy_box", "data-copy", "components/reply.html")
    copying = [path for path, text in texts.items() if any(mark in text for mark in marks)]
    assert len(copying) >= 4
    assert all("js/copy.js" in texts[path] for path in copying)
