from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from agent_service.requirements import rules
from agent_service.requirements.rules import (
    Citizenship,
    Facts,
    Finding,
    Requirement,
    RequirementOutcome,
)
from perisai_kit.domain.ids import new_id

TODAY = date(2026, 11, 22)
GOOD = Facts(
    citizenship=Citizenship.WNI,
    birth_date=date(1990, 3, 12),
    not_bpjs_employee=True,
    phone_proven=True,
    wadah_inactive_because=None,
)


def judged(facts: Facts, *, trained: bool = True, passed: bool | None = True) -> dict[str, Finding]:
    found = rules.judge_local(
        facts, trained=trained, exam_passed=passed, today=TODAY, minimum_age=18
    )
    return {finding.requirement: finding for finding in found}


def test_a_good_applicant_meets_every_local_requirement() -> None:
    assert {finding.outcome for finding in judged(GOOD).values()} == {RequirementOutcome.MET}


@pytest.mark.parametrize(
    ("facts", "requirement", "reason"),
    [
        (replace(GOOD, citizenship=Citizenship.WNA), "citizen", "not_a_citizen"),
        (replace(GOOD, birth_date=date(2008, 11, 23)), "adult", "too_young"),
        (replace(GOOD, not_bpjs_employee=False), "not_bpjs_employee", "bpjs_employee"),
        (replace(GOOD, phone_proven=False), "phone_and_device", "phone_not_proven"),
        (replace(GOOD, wadah_inactive_because="terminated"), "wadah_active", "terminated"),
    ],
)
def test_each_requirement_says_why_it_is_unmet(facts: Facts, requirement: str, reason: str) -> None:
    unmet = [each for each in judged(facts).values() if each.outcome is RequirementOutcome.UNMET]

    assert unmet == [Finding(requirement, RequirementOutcome.UNMET, reason)]


def test_eighteen_today_is_old_enough() -> None:
    facts = replace(GOOD, birth_date=date(2008, 11, 22))

    assert judged(facts)["adult"].outcome is RequirementOutcome.MET


@pytest.mark.parametrize(
    ("trained", "passed", "reasons"),
    [
        (False, None, ["no_training_recorded", "no_exam_recorded"]),
        (True, None, ["no_exam_recorded"]),
        (True, False, ["exam_failed"]),
        (True, True, []),
    ],
)
def test_training_and_exam_must_be_on_record(
    trained: bool, passed: bool | None, reasons: list[str]
) -> None:
    found = judged(GOOD, trained=trained, passed=passed).values()

    assert [
        each.reason_code for each in found if each.outcome is not RequirementOutcome.MET
    ] == reasons


MINE, THEIRS = new_id(), new_id()


@pytest.mark.parametrize(
    ("found", "same_name", "proven", "reason"),
    [
        (MINE, True, MINE, None),
        (None, False, MINE, "not_a_member"),
        (None, False, None, "not_a_member"),
        (MINE, True, None, "members_phone_not_proven"),
        (THEIRS, True, MINE, "other_persons_nik"),
        (MINE, False, MINE, "name_differs"),
    ],
)
def test_the_applicant_is_the_member_with_the_proven_telephone(
    found: UUID | None, same_name: bool, proven: UUID | None, reason: str | None
) -> None:
    finding = rules.judge_membership(found, same_name=same_name, proven_member_id=proven)

    outcome = RequirementOutcome.UNMET if reason else RequirementOutcome.MET
    assert finding == Finding("membership", outcome, reason)


def test_an_unchecked_requirement_is_unknown() -> None:
    found = rules.select_configured(["adult", "npwp"], [Finding("adult", RequirementOutcome.MET)])

    assert found == (
        Finding("adult", RequirementOutcome.MET),
        Finding("npwp", RequirementOutcome.UNKNOWN, "not_checked"),
    )


def test_a_later_finding_replaces_an_earlier_one() -> None:
    found = rules.select_configured(
        ["adult"],
        [
            Finding("adult", RequirementOutcome.UNMET, "too_young"),
            Finding("adult", RequirementOutcome.MET),
        ],
    )

    assert found == (Finding("adult", RequirementOutcome.MET),)


def test_all_unmet_requirements_are_listed() -> None:
    findings = [
        Finding("adult", RequirementOutcome.MET),
        Finding("membership", RequirementOutcome.UNMET, "not_a_member"),
        Finding("own_account", RequirementOutcome.UNKNOWN, "no_answer"),
    ]

    with pytest.raises(rules.RequirementsUnmet) as refused:
        rules.check_requirements(findings)

    assert refused.value.details["unmet"] == [
        {"requirement": "membership", "outcome": "unmet", "reason_code": "not_a_member"},
        {"requirement": "own_account", "outcome": "unknown", "reason_code": "no_answer"},
    ]


@pytest.mark.parametrize("name", [*(each.value for each in Requirement), "skck"])
def test_only_configured_requirements_of_no_check_are_attested(name: str) -> None:
    required = [*(each.value for each in Requirement), "npwp"]
    rules.check_attestations(["npwp"], required)

    with pytest.raises(rules.AttestationRefused):
        rules.check_attestations([name], required)


def test_verifications_are_counted() -> None:
    rules.check_verification_count(19, limit=20)

    with pytest.raises(rules.TooManyVerifications):
        rules.check_verification_count(20, limit=20)
