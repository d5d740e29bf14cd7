"""Secrets at rest are of no use without SECRET_KEY."""

import pytest

from webhooks import sealing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_what_is_sealed_opens_again_and_shows_nothing():
    sealed = sealing.seal(SECRET)
    assert SECRET not in sealed
    assert sealing.open_sealed(sealed) == SECRET
    assert sealing.seal(SECRET) != sealed


def test_it_opens_after_a_change_of_the_key_while_the_old_one_is_a_fallback(settings):
    sealed, old = sealing.seal(SECRET), settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 40, [old]
    assert sealing.open_sealed(sealed) == SECRET
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(sealing.Unreadable):
        sealing.open_sealed(sealed)


@pytest.mark.parametrize("text", ["", "nonsense", SECRET, "gAAAAA"])
def test_what_was_not_sealed_does_not_open(text):
    with pytest.raises(sealing.Unreadable):
        sealing.open_sealed(text)


def test_an_altered_seal_does_not_open():
    sealed = sealing.seal(SECRET)
    with pytest.raises(sealing.Unreadable):
        sealing.open_sealed(sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:])
