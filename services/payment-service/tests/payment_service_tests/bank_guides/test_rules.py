"""The codes of the integration guide are those that we answer."""

import re
from pathlib import Path

import pytest

import payment_service
from payment_service.bank_guides.rules import list_codes
from snap_bi.code_table import ANSWERED
from snap_bi.codes import Case, Service
from snap_bi.profiles import BCA, GENERIC_RSA, PROFILES

SOURCES = Path(payment_service.__file__).parent
BY_FIELD = {Case.INVALID_FIELD_FORMAT, Case.INVALID_MANDATORY_FIELD, Case.SUCCESSFUL}
"""Cases that the library chooses."""


def test_the_table_has_every_case_that_a_bank_is_answered() -> None:
    used = {
        Case[name]
        for feature in ("bank_access", "callbacks")
        for file in (SOURCES / feature).glob("*.py")
        for name in re.findall(r"Case\.([A-Z_]+)", file.read_text(encoding="utf-8"))
    }

    assert {each.case for each in ANSWERED} == used | BY_FIELD


@pytest.mark.parametrize("profile", PROFILES)
def test_codes_are_whole_and_in_order(profile: str) -> None:
    codes = list_codes(PROFILES[profile])

    assert all(re.fullmatch(r"[1-5][0-9]{6}|", each.response_code) for each in codes)
    assert [each.service for each in codes] == sorted(each.service for each in codes)
    assert len({(each.response_code, each.response_message) for each in codes}) == len(codes)


def test_a_bank_without_tokens_reads_what_their_code_means_to_it() -> None:
    (inquiry, payment) = [
        each for each in list_codes(GENERIC_RSA) if each.answered.case is Case.INVALID_TOKEN
    ]

    assert (inquiry.response_code, payment.response_code) == ("4012401", "4012501")
    assert "X-PARTNER-ID" in inquiry.answered.meaning.english
    assert "900" not in inquiry.answered.meaning.english


def test_a_bank_that_takes_each_code_for_a_refusal_gets_none_in_doubt() -> None:
    in_doubt = [
        (each.http_status, each.response_code)
        for each in list_codes(BCA)
        if each.service is Service.PAYMENT and each.http_status >= 500
    ]

    assert in_doubt == [(504, "")]
