"""What support may say, by API: in a language, and that it was copied."""

import pytest

from approvals.replies import LANGUAGES
from tests.approvals.common import events_of


@pytest.fixture
def support(calls, cast):
    return calls(cast.requester, "read", "submit")


def answer_of(api, item, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return api.get(f"/requests/{item.ref}/answer?{asked}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_is_in_the_language_that_was_asked_for(support, cast, language):
    said = answer_of(support, cast.ask(), language=language).json()
    assert (said["language"], said["version"]) == (language, 1)
    begin = {"en": "Your refund", "de": "Ihre Erst", "fr": "Votre remb", "es": "Su reemb"}
    assert said["customer"].startswith(begin[language])
    assert said["safe"]
    assert said["unsafe"]


def test_without_a_language_it_is_english(support, cast):
    assert answer_of(support, cast.ask()).json()["language"] == "en"


@pytest.mark.parametrize("language", ["", "xx", "EN", "en,de"])
def test_an_unknown_language_is_refused(support, cast, language):
    said = answer_of(support, cast.ask(), language=language)
    assert said.status_code == 400
    assert said.json()["type"] == "/problems/validation"
    assert "language" in said.json()["errors"][0]["pointer"]


def test_a_program_records_that_its_user_copied_the_reply(support, cast):
    item = cast.ask()
    said = answer_of(support, item, language="fr").json()
    body = {"language": "fr", "reply_id": said["reply_id"]}
    done = support.post(f"/requests/{item.ref}/copy-reply", body)
    assert done.status_code == 200
    told = events_of(item)[-1]
    assert (told.action, told.reason) == ("request.copy_reply", said["customer"])


def test_words_that_are_not_those_of_now_are_not_recorded(support, cast):
    item = cast.ask()
    said = answer_of(support, item).json()
    cast.approve(item)
    body = {"language": "en", "reply_id": said["reply_id"]}
    done = support.post(f"/requests/{item.ref}/copy-reply", body)
    assert (done.status_code, done.json()["type"]) == (412, "/problems/version-mismatch")


def test_what_one_cannot_see_one_cannot_copy(calls, cast):
    item = cast.ask()
    stranger = calls(cast.stranger, "read", "submit")
    assert stranger.post(f"/requests/{item.ref}/copy-reply", {}).status_code == 404
