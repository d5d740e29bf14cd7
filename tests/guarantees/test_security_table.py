"""docs/security.md: every requirement has a row, and what it names is there."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
ROW = re.compile(
    r"^\| (\d+\.\d+\.\d+) \| L\d \| ([a-z ]+) \| (.*) \| (?:`([^`]+)`)? \|$", re.MULTILINE
)
APPLY = 213 + 28  # of levels 1 and 2, and the chosen ones of level 3


def test_each_requirement_has_one_row_and_its_file_is_there():
    rows = ROW.findall(TEXT)
    assert len({number for number, *_ in rows}) == len(rows) == APPLY
    assert [path for *_, path in rows if path and not (ROOT / path).exists()] == []
    assert [number for number, word, _, path in rows if word == "met" and not path] == NO_FILE


# Met by what is not there: no template from text, `secrets` of the standard library.
NO_FILE = ["1.3.7", "6.4.2", "6.5.3"]


def test_the_totals_are_those_of_the_rows():
    counted = Counter(word for _, word, *_ in ROW.findall(TEXT))
    told = dict(
        re.findall(
            r"^\| (met|in part|open|nothing of the kind) (?:here )?\| (\d+) \|$", TEXT, re.MULTILINE
        )
    )
    assert {word: int(number) for word, number in told.items()} == counted
