"""docs/reference/answers.md shows what is really said: ten histories, made anew and compared."""

from pathlib import Path

import pytest
from django.conf import settings

from approvals import kinds, outcomes, queries
from approvals.answers import answer
from approvals.replies import LANGUAGES, Situation
from tests.approvals.histories import History

PAGE = Path(settings.BASE_DIR) / "docs" / "reference" / "answers.md"
S = Situation
SAMPLES = [
    ("A refund waits for approval", "refund", S.CHECKING),
    ("A refund is on its way to the provider at this moment", "refund", S.UNDER_WAY),
    ("The connection dropped after it was sent", "refund", S.IN_DOUBT),
    ("The provider had no time for it; it is tried again", "refund", S.DELAYED),
    ("The provider refused it for good", "refund", S.STOPPED),
    ("Two people found that it had not happened", "refund", S.UNCONFIRMED),
    ("The provider confirmed it", "refund", S.DONE),
    ("It was done, and the provider took it back", "refund", S.CAME_BACK),
    ("An approver rejected it", "refund", S.ENDED),
    ("Two people found that the account was changed", "account_change", S.DONE_BY_PEOPLE),
]
HEAD = """# What support says: ten answers

Ten histories, each lived through by real commands and a worker in
`tests/approvals/test_answer_samples.py`, which fails when this page is not what is said. The texts are
in `approvals/replies/library/`; [how to change one](../how-to/answer-customers.md).
"""


@pytest.fixture
def one(cast, provider, monkeypatch, request):
    monkeypatch.setattr(outcomes, "_draw", lambda: 0.5)  # of the time of the next try
    title, kind, situation = request.param
    return title, History(cast, provider, kind).to(situation)


def shown(title: str, item, now) -> str:
    waiting = queries.explained([item], now)[item.pk]
    said = [answer(item, waiting, now, language) for language in LANGUAGES]
    lines = [
        f"## {title}",
        f"{kinds.kind_of(item.kind).label}, `{said[0].reply.situation}`.",
        f"**For the agent.** {said[0].agent}",
        *(f"**{LANGUAGES[one.language].name}.** {one.customer}" for one in said),
        f"**Safe to say.** {said[0].safe}  \n**Do not say.** {said[0].unsafe}",
    ]
    return "\n\n".join(lines) + "\n"


@pytest.mark.parametrize("one", SAMPLES, indirect=True, ids=[title for title, *_ in SAMPLES])
def test_a_sample_is_what_is_said(one, cast):
    """When it isn't: put what is shown here in its place, if that is what should be said."""
    section = shown(*one, cast.now)
    assert section in PAGE.read_text(encoding="utf-8"), f"Should be there:\n\n{section}"


def test_the_page_has_nothing_else():
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(HEAD)
    assert page.count("\n## ") == len(SAMPLES)
