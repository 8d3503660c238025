from datetime import UTC, datetime

import pytest

from gateway.notices import rules
from gateway.notices.rules import TEXTS, NoticeTemplate, QuietHours
from perisai_kit.domain.month import Month

MONTH = Month(2026, 11)
SMS = 160
"""Characters of one message of GSM 03.38."""
INCENTIVES = sorted(each for each in NoticeTemplate if each.startswith("incentive_"))


def test_every_template_has_words_in_both_languages() -> None:
    assert set(TEXTS) == set(NoticeTemplate)
    assert all(len(words) == 2 and all(words) for words in TEXTS.values())


def test_a_text_names_month_and_amount_as_they_are_written() -> None:
    indonesian = rules.get_text("incentive_paid", "id", month=MONTH, amount=1_250_000)

    assert indonesian == (
        "Insentif sampai November 2026 sudah ditransfer ke rekening bank terdaftar: Rp1.250.000 "
        "setelah pajak."
    )
    assert rules.get_text("incentive_paid", "en", month=MONTH, amount=1_250_000) == (
        "Incentive up to November 2026 was paid to the registered bank account: Rp1,250,000 after "
        "tax."
    )


@pytest.mark.parametrize("template", INCENTIVES)
@pytest.mark.parametrize("language", ["id", "en"])
def test_a_notice_about_an_incentive_fits_into_one_sms(template: str, language: str) -> None:
    text = rules.get_text(template, language, month=Month(2026, 9), amount=999_999_999)

    assert len(text) <= SMS
    assert text.isascii()


def test_the_subject_of_a_mail_says_the_month_and_no_amount() -> None:
    assert rules.get_subject("id", month=MONTH) == "Perisai: insentif November 2026"
    assert rules.get_subject("id") == "Perisai: pemberitahuan untuk akun Anda"


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [
        (QuietHours(21, 6), {21, 23, 0, 5}),
        (QuietHours(0, 6), {0, 5}),
        (QuietHours(12, 14), {12, 13}),
        (QuietHours(7, 7), set()),
    ],
)
def test_quiet_hours_are_those_of_jakarta(hours: QuietHours, quiet: set[int]) -> None:
    tried = {0, 5, 6, 7, 12, 13, 14, 20, 21, 23}

    found = {
        hour for hour in tried if hours.has(datetime(2026, 12, 1, (hour - 7) % 24, 59, tzinfo=UTC))
    }

    assert found == quiet


def test_the_pause_doubles_up_to_six_hours() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)

    pauses = [rules.retry_at(now, attempts) - now for attempts in (1, 2, 3, 12, 1_000)]

    assert pauses[:3] == [rules.FIRST_RETRY, 2 * rules.FIRST_RETRY, 4 * rules.FIRST_RETRY]
    assert pauses[3:] == [rules.LONGEST_RETRY] * 2
