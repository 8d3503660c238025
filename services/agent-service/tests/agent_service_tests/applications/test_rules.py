from itertools import pairwise

import pytest

from agent_service.applications import rules
from agent_service.applications.rules import ENDED, NEXT, ApplicationStatus

S = ApplicationStatus


def test_every_status_has_its_next_statuses() -> None:
    assert set(NEXT) == set(ApplicationStatus)
    assert {status for status, following in NEXT.items() if not following} == ENDED


def test_an_application_goes_step_by_step_to_active() -> None:
    way = [S.APPLIED, S.VERIFIED, S.TRAINING, S.EXAM_FAILED, S.EXAM_PASSED, S.ACTIVE]

    for status, to in pairwise(way):
        rules.check_next(status, to)  # raises when a step is not allowed


@pytest.mark.parametrize(
    ("status", "to"),
    [
        (S.APPLIED, S.ACTIVE),
        (S.APPLIED, S.TRAINING),
        (S.DOCS_INCOMPLETE, S.TRAINING),
        (S.DOCS_INCOMPLETE, S.ACTIVE),
        (S.EXAM_FAILED, S.ACTIVE),
        (S.REJECTED, S.APPLIED),
        (S.WITHDRAWN, S.VERIFIED),
        (S.ACTIVE, S.REJECTED),
    ],
)
def test_no_step_is_skipped(status: ApplicationStatus, to: ApplicationStatus) -> None:
    with pytest.raises(rules.ApplicationStatusConflict) as refused:
        rules.check_next(status, to)

    assert refused.value.details == {"status": status.value, "to": to.value}


@pytest.mark.parametrize("status", sorted(rules.LIVE))
def test_every_open_application_can_be_rejected_and_withdrawn(status: ApplicationStatus) -> None:
    rules.check_live(status)
    rules.check_next(status, S.REJECTED)
    rules.check_next(status, S.WITHDRAWN)  # raises when refused


@pytest.mark.parametrize("status", sorted(ENDED))
def test_an_ended_application_stays_ended(status: ApplicationStatus) -> None:
    with pytest.raises(rules.ApplicationStatusConflict):
        rules.check_live(status)


@pytest.mark.parametrize("status", [S.APPLIED, S.DOCS_INCOMPLETE, S.VERIFIED])
@pytest.mark.parametrize(
    ("any_unmet", "all_met", "to"),
    [(True, False, S.DOCS_INCOMPLETE), (False, True, S.VERIFIED), (False, False, None)],
)
def test_a_verification_changes_the_status_of_an_application(
    status: ApplicationStatus, any_unmet: bool, all_met: bool, to: ApplicationStatus | None
) -> None:
    after = rules.find_status_after_verification(status, any_unmet=any_unmet, all_met=all_met)

    assert after is (to or status)
    assert after is status or after in NEXT[status]


@pytest.mark.parametrize("status", [S.TRAINING, S.EXAM_PASSED, S.EXAM_FAILED])
def test_after_the_training_a_verification_changes_no_status(status: ApplicationStatus) -> None:
    assert rules.find_status_after_verification(status, any_unmet=True, all_met=False) is status


@pytest.mark.parametrize(
    ("amr", "device_id"), [((), "d"), (("pwd",), "d"), (("otp",), None), (("otp",), "")]
)
def test_a_phone_is_proven_by_code_and_device(amr: tuple[str, ...], device_id: str | None) -> None:
    rules.check_phone(("otp",), "device-1")

    with pytest.raises(rules.PhoneProofRequired):
        rules.check_phone(amr, device_id)
