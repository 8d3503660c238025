from typing import ClassVar
from uuid import UUID

import pytest
from pydantic import ValidationError

from perisai_kit.domain.ids import new_id
from perisai_kit.domain.month import Month
from perisai_kit.events.catalogue import (
    EVENTS,
    BranchOpened,
    MemberAttributed,
    MemberUpdated,
    PaymentSettled,
)
from perisai_kit.events.catalogue.docs import render_events
from perisai_kit.events.envelope import Event, build_registry

CONTRACT = {
    "branch.opened.v1",
    "agent.activated.v1",
    "agent.suspended.v1",
    "agent.reinstated.v1",
    "agent.dismissed.v1",
    "agent.wadah_changed.v1",
    "agent.wadah_change_cancelled.v1",
    "wadah.agreement_signed.v1",
    "wadah.terminated.v1",
    "member.enrolled.v1",
    "member.updated.v1",
    "member.attributed.v1",
    "bill.issued.v1",
    "bill.replaced.v1",
    "bill.voided.v1",
    "bill.ended.v1",
    "payment.settled.v1",
    "allocation.reversed.v1",
    "coverage.extended.v1",
    "coverage.declined.v1",
    "coverage.withdrawn.v1",
    "registration.opened.v1",
    "registration.corrected.v1",
    "registration.ended.v1",
    "statement.issued.v1",
    "payout.paid.v1",
    "payout.paid_for_agent.v1",
    "payout.failed.v1",
    "payout.returned.v1",
    "payout.returned_for_agent.v1",
    "bank_account.changed.v1",
    "tax_identity.changed.v1",
    "member.risk_flagged.v1",
}


def test_every_event_of_the_platform_is_registered_once() -> None:
    assert set(EVENTS) == CONTRACT
    assert all(cls.type == name for name, cls in EVENTS.items())


def test_a_type_used_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"branch\.opened\.v1 is taken"):
        build_registry(BranchOpened, BranchOpened)


@pytest.mark.parametrize("bad", ["branch.opened", "BranchOpened.v1", "branch.opened.v0", "v1"])
def test_a_type_without_noun_participle_and_version_is_refused(bad: str) -> None:
    class Odd(Event):
        type: ClassVar[str] = bad
        subject_field: ClassVar[str] = "odd_id"

        odd_id: UUID

    with pytest.raises(ValueError, match="a type looks like"):
        build_registry(Odd)


def test_a_subject_that_is_no_field_is_refused() -> None:
    class Aimless(Event):
        type: ClassVar[str] = "aim.lost.v1"
        subject_field: ClassVar[str] = "aim_id"

    with pytest.raises(ValueError, match="aim_id is not a field"):
        build_registry(Aimless)


def test_the_subject_is_what_the_event_is_about() -> None:
    member_id = new_id()

    event = MemberUpdated(member_id=member_id, changed=("phone",))

    assert event.subject == str(member_id)


def payment_data() -> dict[str, object]:
    return {
        **{
            f"{name}_id": str(new_id())
            for name in ("allocation", "payment", "bill", "member", "partner")
        },
        "amount": 36_800,
        "issued_at": "2026-11-21T09:00:00+07:00",
        "counts_at": "2026-11-22T09:00:00+07:00",
        "received_at": "2026-11-22T02:00:01Z",
        "payer": "self",
        "lines": [{"month": "2026-11", "programme": "jkk", "amount": 10_000, "relief": 0}],
    }


def test_an_event_reads_back_what_it_writes() -> None:
    event = PaymentSettled.model_validate(payment_data())

    assert PaymentSettled.model_validate_json(event.model_dump_json()) == event
    assert PaymentSettled.model_validate(event.model_dump(mode="json")) == event
    assert event.lines[0].month == Month(2026, 11)


def test_a_field_that_an_older_producer_does_not_know_is_null() -> None:
    older = PaymentSettled.model_validate(payment_data())
    newer = PaymentSettled.model_validate({**payment_data(), "paying_account": "0f" * 16})

    assert (older.paying_account, newer.paying_account) == (None, "0f" * 16)


def test_fields_of_a_newer_producer_are_ignored() -> None:
    data = payment_data()
    lines = [{"month": "2026-11", "programme": "jkk", "amount": 1, "relief": 0, "newer": True}]

    event = PaymentSettled.model_validate({**data, "lines": lines, "newer": 1})

    assert event.lines[0].amount == 1


def test_an_event_cannot_be_changed() -> None:
    event = MemberAttributed(member_id=new_id(), attribution_no=1, periods=())

    with pytest.raises(ValidationError, match="frozen"):
        event.member_id = new_id()  # type: ignore[misc]  # what the test is about


@pytest.mark.parametrize(
    ("field", "value"), [("amount", 36_800.5), ("amount", -1), ("counts_at", "2026-11-22T09:00:00")]
)
def test_an_event_with_a_wrong_value_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        PaymentSettled.model_validate({**payment_data(), field: value})


def test_the_reference_names_every_event_and_field() -> None:
    text = render_events()

    for name, cls in EVENTS.items():
        section = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert section
        assert all(f"| `{field}` |" in section for field in cls.model_fields)
        assert (cls.__doc__ or "").splitlines()[0] in section
    assert "| `amount` | rupiah |" in text
    assert "| `first_month` | month |" in text
    assert "| `agent_id` | UUID or null |" in text
