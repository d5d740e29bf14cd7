"""A value that cannot be used stops the start with one sentence."""

import pytest

from approvals import timing
from approvals.kinds import stripe_client
from config.env import LONGEST_CALL_S, ConfigurationError, read

KEY = "k" * 32


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"DATABASE_URL": "mysql://x/y", "SECRET_KEY": KEY}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": "postgresql://u@h:port/db", "SECRET_KEY": KEY}, "port"),
        ({"DATABASE_URL": "postgresql://u@h/db"}, "SECRET_KEY must be set"),
        ({"SECRET_KEY": "short"}, "32 characters"),
        ({"DATABASE_OWNER_URL": "postgresql://u@h/db", "SECRET_KEY": KEY}, "set both"),
        ({"DEBUG": "perhaps", "SECRET_KEY": KEY}, "DEBUG must be 1 or 0"),
        ({"STRIPE_API_BASE": "ftp://x", "SECRET_KEY": KEY}, "http"),
        ({"DEMO_SPEED": "fast", "SECRET_KEY": KEY}, "must be a number"),
        ({"DEMO_SPEED": "-1", "SECRET_KEY": KEY}, "more than 0"),
        ({"DEMO_SPEED": "0.5", "SECRET_KEY": KEY}, "whole number"),
        ({"STRIPE_TIMEOUT_S": "26", "SECRET_KEY": KEY}, "at most 25"),
        ({"ACCOUNT_SERVICE_TIMEOUT_S": "60", "SECRET_KEY": KEY}, "at most 25"),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_short", "SECRET_KEY": KEY}, "at least 16"),
        ({"STRIPE_WEBHOOK_SECRET": f"{KEY},{KEY},{KEY}", "SECRET_KEY": KEY}, "one or two"),
        ({"SECRET_KEY_FALLBACKS": f"{KEY},short", "SECRET_KEY": KEY}, "for each key"),
        ({"TRUSTED_PROXY_COUNT": "-1", "SECRET_KEY": KEY}, "from 0 to 5"),
        ({"API_LIMIT_PER_TOKEN": "many", "SECRET_KEY": KEY}, "600/min"),
        ({"API_LIMIT_PER_ADDRESS": "0/s", "SECRET_KEY": KEY}, "600/min"),
        ({"WEBHOOK_TEST_ADDRESSES": "127.0.0.1", "SECRET_KEY": KEY}, "hosts with ports"),
        ({"WEBHOOK_TEST_ADDRESSES": "http://x:80", "SECRET_KEY": KEY}, "hosts with ports"),
        ({"WEBHOOK_TEST_ADDRESSES": "x:1, u@y:2", "SECRET_KEY": KEY}, "hosts with ports"),
        ({"METRICS_TOKEN": "short", "SECRET_KEY": KEY}, "METRICS_TOKEN must be at least 16"),
        ({"METRICS_TOKEN": "two words " * 3, "SECRET_KEY": KEY}, "without spaces"),
        ({"LOG_FORMAT": "xml", "SECRET_KEY": KEY}, "LOG_FORMAT must be one of json, line"),
        ({"LOG_LEVEL": "loud", "SECRET_KEY": KEY}, "LOG_LEVEL must be one of DEBUG"),
        ({"PROMETHEUS_MULTIPROC_DIR": "metrics", "SECRET_KEY": KEY}, "an absolute path"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(environ, word):
    with pytest.raises(ConfigurationError, match=word):
        read(environ)


def test_one_login_for_both_is_refused():
    same = "postgresql://app:x@h/db"
    environ = {"DATABASE_URL": same, "DATABASE_OWNER_URL": same, "SECRET_KEY": KEY}
    with pytest.raises(ConfigurationError, match="same login"):
        read(environ)


def test_a_socket_directory_may_stand_in_the_query():
    login = read(
        {"DATABASE_URL": "postgresql://u:p%40ss@/db?host=/run/pg&port=5433", "SECRET_KEY": KEY}
    ).database
    assert (login.host, login.port, login.password) == ("/run/pg", "5433", "p@ss")


def test_two_webhook_secrets_hold_during_a_change_of_secrets():
    first, second = "whsec_" + "a" * 24, "whsec_" + "b" * 24
    environ = {"STRIPE_WEBHOOK_SECRET": f"{first}, {second}", "SECRET_KEY": KEY}
    assert read(environ).stripe_webhook_secrets == [first, second]


def test_without_a_webhook_secret_there_is_none():
    assert read({"SECRET_KEY": KEY}).stripe_webhook_secrets == []


def test_addresses_for_trials_of_webhooks_are_none_unless_set():
    assert read({"SECRET_KEY": KEY}).webhook_test_addresses == []
    environ = {"WEBHOOK_TEST_ADDRESSES": "127.0.0.1:8001, receiver:80", "SECRET_KEY": KEY}
    assert read(environ).webhook_test_addresses == ["127.0.0.1:8001", "receiver:80"]


def test_the_longest_call_ends_before_half_of_the_lease():
    """A call and, for a long list, one more must fit into the lease."""
    assert timing.LEASE.total_seconds() > 2 * LONGEST_CALL_S
    assert timing.LEASE.total_seconds() > stripe_client.LOOK_UP_S + LONGEST_CALL_S


def test_a_level_of_the_log_may_be_written_small():
    assert read({"LOG_LEVEL": "warning", "SECRET_KEY": KEY}).log_level == "WARNING"
