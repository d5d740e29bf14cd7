"""The gallery of parts: whole, only in DEBUG, and without a look at the database."""

import re
from pathlib import Path

import pytest
from django.test.signals import template_rendered
from django.urls import reverse

from approvals import kinds
from approvals.templatetags.parts import apart
from approvals.views.parts.catalogue import groups
from tests.approvals.pages.common import queries_of, text

COMPONENTS = Path(__file__).parents[3] / "templates" / "components"
PARTS = "/help/parts/"


@pytest.fixture
def in_debug(settings) -> None:
    settings.DEBUG = True


@pytest.fixture
def rendered():
    """The names of the templates that were rendered, with how often."""
    names: list[str] = []

    def note(template, **_):
        names.append(template.name)

    template_rendered.connect(note)
    yield names
    template_rendered.disconnect(note)


def all_parts(now) -> list:
    return [part for _, parts in groups(now) for part in parts]


@pytest.mark.parametrize("path", [PARTS, "/help/parts"])
def test_outside_of_debug_there_is_no_gallery_and_no_link_to_it(as_, path):
    client = as_("operator")
    assert client.get(path, follow=True).status_code == 404
    assert PARTS not in text(client.get("/help/"))


@pytest.mark.usefixtures("in_debug")
def test_in_debug_help_leads_to_it(as_):
    client = as_("operator")
    assert PARTS in text(client.get("/help/"))
    assert client.get(reverse("parts")).status_code == 200


def test_every_component_has_a_part(now):
    shown = {name for part in all_parts(now) for name in part.files}
    assert shown == {f"components/{path.name}" for path in COMPONENTS.iterdir()}


@pytest.mark.usefixtures("in_debug")
def test_every_part_shows_the_files_that_it_names_and_every_example_is_there(as_, now, rendered):
    page = text(as_("operator").get(PARTS))
    inside = rendered[rendered.index("approvals/parts.html") :]
    for part in all_parts(now):
        assert f'id="part-{part.slug}"' in page
        for number, example in enumerate(part.examples, 1):
            assert f'id="{part.slug}-{number}"' in page
            assert example.template in inside
        assert set(part.files) <= set(inside)


@pytest.mark.usefixtures("in_debug")
def test_it_asks_the_database_only_what_its_frame_asks(as_):
    client = as_("operator")
    assert queries_of(client, PARTS) == queries_of(client, "/help/keys/")


@pytest.mark.usefixtures("in_debug")
def test_no_form_of_an_example_does_anything_to_a_request(as_):
    assert "EX" not in {kind.prefix for kind in kinds.all_kinds().values()}
    page = text(as_("operator").get(PARTS))
    posts = set(re.findall(r'method="post" action="([^"]*)"', page))
    assert {post for post in posts if not post.startswith("/requests/EX-1/")} == {
        "/accounts/logout/"
    }


def test_examples_stand_beside_their_like():
    """Only what the example itself names is renamed; the page keeps the focus."""
    html = (
        '<section aria-labelledby="why"><h2 id="why">Why</h2><a href="#why">up</a>'
        '<a href="#elsewhere">out</a><input form="bulk" autofocus aria-describedby="hint why">'
        '</section><nav aria-label="Pages"></nav><rect fill="url(#why)"/><dialog id="go">'
    )
    assert apart(html, "why-2") == (
        '<section aria-labelledby="why-why-2 why-2"><h2 id="why-why-2">Why</h2>'
        '<a href="#why-why-2">up</a><a href="#elsewhere">out</a>'
        '<input form="bulk" aria-describedby="hint why-why-2"></section>'
        '<nav aria-label="Pages, why-2"></nav><rect fill="url(#why-why-2)"/>'
        '<dialog open id="go-why-2">'
    )


def test_only_the_first_of_several_notices_takes_the_focus(as_):
    client = as_("operator")
    for _ in range(2):
        client.post("/failures/too-many-requests/watch/", {"above": "none"})
    page = text(client.get("/help/"))
    assert page.count('class="notice"') == 2
    assert page.count("data-focus") == 1
