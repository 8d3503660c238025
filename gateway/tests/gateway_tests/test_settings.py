"""The settings that the gateway accepts."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.passwords import FLOOR, HashCost
from gateway.settings import Settings
from perisai_kit.testing.plugin import Urls

NOWHERE = Urls("x", "postgresql://x", "")
REAL = {
    "sandbox": False,
    "clock_file": None,
    "otp_sender_url": "http://sender/otp",
    "otp_sender_secret": "s",
}


@pytest.mark.parametrize(
    "cheap",
    [
        {"password_hash_kib": FLOOR.kib - 1},
        {"password_hash_passes": FLOOR.passes - 1},
        {"password_hash_kib": 8, "password_hash_passes": 1},
    ],
)
def test_hashes_that_are_too_cheap_are_refused_outside_a_sandbox(
    gateway_settings: Callable[..., Settings], cheap: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as refused:
        gateway_settings(NOWHERE, **REAL, **cheap)

    wrong = {each["loc"]: each["type"] for each in refused.value.errors()}
    assert wrong == {(name,): "too_cheap" for name in cheap}
    assert gateway_settings(NOWHERE, sandbox=True, **cheap).sandbox


def test_the_cheapest_hash_outside_a_sandbox_is_that_of_owasp(
    gateway_settings: Callable[..., Settings],
) -> None:
    asked = {"password_hash_kib": 19 * 1024, "password_hash_passes": 2}

    assert gateway_settings(NOWHERE, **REAL, **asked).hash_cost == FLOOR


def test_a_hash_costs_64_mib_and_three_passes_by_default(
    gateway_settings: Callable[..., Settings],
) -> None:
    assert gateway_settings(NOWHERE, **REAL).hash_cost == HashCost(kib=64 * 1024, passes=3)


MAIL = {"smtp_host": "relay", "email_from": "perisai@example.org"}


def test_without_a_mail_server_a_gateway_starts(
    gateway_settings: Callable[..., Settings],
) -> None:
    assert gateway_settings(NOWHERE, **REAL).mail_server is None


def test_a_mail_server_is_asked_for_tls_by_default(
    gateway_settings: Callable[..., Settings],
) -> None:
    server = gateway_settings(NOWHERE, **REAL, **MAIL).mail_server

    assert server is not None
    assert (server.host, server.port, server.security) == ("relay", 587, "starttls")


@pytest.mark.parametrize(
    "wrong",
    [
        {**MAIL, "smtp_security": "none"},
        {"smtp_host": "relay"},
        {"email_from": "perisai@example.org"},
        {**MAIL, "smtp_username": "perisai"},
        {**MAIL, "smtp_password": "s"},
        {"notice_quiet_from": 21},
        {"notice_quiet_until": 6},
        {"notice_quiet_from": 21, "notice_quiet_until": 24},
    ],
)
def test_half_a_mail_server_and_half_quiet_hours_are_refused(
    gateway_settings: Callable[..., Settings], wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        gateway_settings(NOWHERE, **REAL, **wrong)


def test_mail_in_clear_stays_on_this_machine_or_in_a_sandbox(
    gateway_settings: Callable[..., Settings],
) -> None:
    clear = {**MAIL, "smtp_security": "none"}

    assert gateway_settings(NOWHERE, **REAL, **{**clear, "smtp_host": "127.0.0.1"}).mail_server
    assert gateway_settings(NOWHERE, sandbox=True, **clear).mail_server
