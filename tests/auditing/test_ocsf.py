"""The export as OCSF against the official schema of its version: every action, outcome and kind of actor."""

import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from audit.models import Event, Outcome
from auditing import catalogue, ocsf

AT = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
ACTORS = {
    "person": ("7", "Eleni Markou", "session"),
    "service": ("9", "Webshop", "token"),
    "worker": ("host-1", "Approval Queue", ""),
    "clock": ("clock", "Approval Queue", ""),
    "provider": ("stripe", "Stripe", "signature"),
    "system": ("command-line", "Command line", ""),
    "unknown": ("", "", ""),
}
CONTEXT = {
    "request_id": "a1",
    "correlation_id": "a1",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "source_ip": "2001:db8::7",
}
OFFICIAL = get_ocsf_schema(version=ocsf.VERSION)
# Each number that stands for a word, and where its word stands.
WORDS = {
    "class_uid": "class_name",
    "category_uid": "category_name",
    "activity_id": "activity_name",
    "type_uid": "type_name",
    "severity_id": "severity",
    "status_id": "status",
    "auth_protocol_id": "auth_protocol",
    "type_id": "type",
}


@functools.cache
def validator(class_uid: int) -> Draft202012Validator:
    official = OcsfJsonSchemaEmbedded(OFFICIAL)
    found = official.get_class_schema(official.lookup_class_name_from_uid(class_uid))
    return Draft202012Validator(found)


def event(action: str, target_type: str, actor_type: str, outcome: str, context: dict) -> Event:
    actor_id, label, auth_method = ACTORS[actor_type]
    return Event(
        stream="some/stream",
        seq=3,
        occurred_at=AT,
        recorded_at=AT,
        actor_type=actor_type,
        actor_id=actor_id,
        actor_label=label,
        auth_method=auth_method,
        action=action,
        target_type=target_type,
        target_id="5",
        version_before=1,
        version_after=2,
        outcome=outcome,
        reason_code="no-grant" if outcome == Outcome.DENIED else "",
        reason="No.",
        facts={"name": "Ann"},
        context=context,
        hash=bytes(32),
        prev_hash=bytes(32),
    )


def shaped(*args, product_version: str = "1.2.3") -> dict:
    return ocsf.shaped(event(*args), product_version=product_version)


def every(word) -> Iterator[dict]:
    for target_type in word.objects:
        for actor_type in ACTORS:
            for outcome in Outcome.values:
                for context in (CONTEXT, {}):
                    yield shaped(word.action, target_type, actor_type, outcome, context)


@pytest.mark.parametrize("action", catalogue.words())
def test_every_action_is_valid(action):
    for said in every(catalogue.words()[action]):
        wrong = [
            f"{error.json_path}: {error.message}"
            for error in validator(said["class_uid"]).iter_errors(said)
        ]
        assert wrong == []


@pytest.mark.parametrize("action", catalogue.words())
def test_every_number_stands_with_its_official_word(action):
    for said in every(catalogue.words()[action]):
        name = OcsfJsonSchemaEmbedded(OFFICIAL).lookup_class_name_from_uid(said["class_uid"])
        of_class = OFFICIAL["classes"][name]["attributes"]
        assert wrong_words(said, of_class) == []
        for user in (said["actor"]["user"], said.get("user", {})):
            assert wrong_words(user, OFFICIAL["objects"]["user"]["attributes"]) == []


def wrong_words(said: dict, attributes: dict) -> list[str]:
    """Other than 99, which stands for whatever the product says."""
    return [
        f"{number} {said[number]} is not {said.get(word)}"
        for number, word in WORDS.items()
        if number in said and said[number] != 99
        if attributes[number]["enum"][str(said[number])]["caption"] != said.get(word)
    ]


def test_what_really_happened_is_valid(db, cast, client):
    cast.run(cast.approve(cast.ask()))
    client.post("/accounts/login/", {"login": "nobody@demo.test", "password": "wrong"})
    for happened in Event.objects.all():
        said = json.loads(json.dumps(ocsf.shaped(happened, product_version="")))
        assert list(validator(said["class_uid"]).iter_errors(said)) == []


def test_every_action_that_is_named_is_in_the_catalogue():
    named = {*ocsf.READS, *ocsf.CREATES, *ocsf.UPDATES, *ocsf.DELETES, *ocsf.ACCOUNT_CHANGES}
    assert named <= set(catalogue.words())


@pytest.mark.parametrize("action", ["request.submit", "person.sign_in", "admin.delete"])
def test_no_deprecated_attribute_is_used(action):
    said = shaped(action, "user", "person", Outcome.SUCCESS, CONTEXT)
    known = validator(said["class_uid"]).schema["properties"]
    assert [name for name in said if known[name].get("deprecated")] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("severity_id", 77), ("type_uid", 1), ("made_up", "x"), ("metadata", None), ("actor", {})],
)
def test_the_schema_refuses_what_is_wrong(path, value):
    said = {**shaped("request.submit", "request", "person", Outcome.SUCCESS, CONTEXT), path: value}
    assert list(validator(said["class_uid"]).iter_errors(said))


def test_a_sign_in_names_how_and_where():
    said = shaped("person.sign_in", "person", "person", Outcome.SUCCESS, CONTEXT)
    assert (said["auth_protocol_id"], said["auth_protocol"]) == (99, "session")
    assert said["service"] == {"name": "Approval Queue"}


def test_what_ocsf_has_no_field_for_is_unmapped():
    said = shaped("request.note", "request", "person", Outcome.SUCCESS, CONTEXT)
    assert said["unmapped"]["context"] == CONTEXT


def test_a_product_without_a_version_is_valid():
    said = shaped(
        "request.submit", "request", "person", Outcome.SUCCESS, CONTEXT, product_version=""
    )
    assert list(validator(said["class_uid"]).iter_errors(said)) == []
