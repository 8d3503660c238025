from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from payment_service_tests.partner_bank import make_offer

from payment_service.clients.members import ContributionBasis
from perisai_kit.auth.principal import Role
from perisai_kit.domain.ids import new_id
from perisai_kit.domain.jakarta import midnight
from perisai_kit.domain.month import Month
from perisai_kit.domain.programmes import Programme
from perisai_kit.testing.plugin import BusinessTime, Tokens, Wire

Know = Callable[[ContributionBasis], None]
MakeBasis = Callable[..., ContributionBasis]


@pytest.fixture(autouse=True)
def in_november(business_time: BusinessTime) -> None:
    business_time.at(datetime(2026, 11, 5, 3, 0, tzinfo=UTC))


def asked(basis: ContributionBasis, first_month: str = "2026-11", count: int = 1) -> dict[str, Any]:
    return {
        "member_id": str(basis.member_id),
        "first_month": first_month,
        "month_count": count,
    }


async def test_a_quote_explains_each_rupiah(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis()
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes",
        json=asked(basis),
        headers=tokens.make(Role.AGENT, agent_id=basis.owner.agent_id),
    )

    assert answer.status_code == 200
    quote = answer.json()
    assert (quote["amount"], quote["relief_amount"], quote["month_count"]) == (28_400, 8_400, 1)
    assert quote["lines"][0] == {
        "month": "2026-11",
        "programme": "jkk",
        "band": 1,
        "reference_income": 1_000_000,
        "full_amount": 10_000,
        "relief_bps": 5_000,
        "relief_amount": 5_000,
        "relief_basis": "PP 50/2025 art. 4",
        "amount": 5_000,
    }


async def test_a_year_ahead_is_priced_month_by_month(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis()
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes", json=asked(basis, "2026-11", 12), headers=tokens.make(Role.ADMIN)
    )

    assert answer.json()["amount"] == 2 * 28_400 + 10 * 36_800


async def test_without_months_a_quote_is_for_the_first_month_of_the_proposed_offer(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    end = midnight(Month(2027, 1).first_day)
    basis = make_basis(
        registration=None,
        offers=[
            make_offer(
                Month(2026, 12),
                pay_before=end,
                opens_registration=True,
                paid_earlier=[Month(2027, 1)],
            ),
            make_offer(
                Month(2026, 11),
                pay_before=midnight(Month(2026, 12).first_day),
                opens_registration=True,
                paid_earlier=[Month(2026, 11)],
            ),
        ],
        declaration_needed=True,
    )
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes", json={"member_id": str(basis.member_id)}, headers=tokens.make(Role.ADMIN)
    )

    assert answer.status_code == 200
    quote = answer.json()
    assert (quote["months"], quote["first_month"], quote["month_count"]) == (
        ["2026-12"],
        "2026-12",
        1,
    )
    assert (quote["opens_registration"], quote["waiting_period_restarts"]) == (True, True)
    assert (quote["declaration_needed"], quote["paid_earlier"]) == (True, [])
    assert datetime.fromisoformat(quote["pay_before"]) == end
    assert [(each["first_month"], each["longest"]) for each in quote["offers"]] == [
        ("2026-12", 12),
        ("2026-11", 12),
    ]
    assert quote["covers_today"] is False
    smallest = quote["to_cover_today"]
    assert (smallest["first_month"], smallest["months"]) == ("2026-11", ["2026-11"])
    assert smallest["amount"] == 28_400


async def test_arrears_are_quoted_with_what_would_cover_the_member_today(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis(offers=[make_offer(Month(2026, 9))])
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes", json=asked(basis, "2026-09"), headers=tokens.make(Role.ADMIN)
    )

    quote = answer.json()
    assert (quote["months"], quote["covers_today"]) == (["2026-09"], False)
    assert quote["opens_registration"] is False
    smallest = quote["to_cover_today"]
    assert (smallest["months"], smallest["amount"]) == (
        ["2026-09", "2026-10", "2026-11"],
        3 * 28_400,
    )


async def test_a_member_who_is_covered_needs_no_payment_for_today(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis(offers=[make_offer(Month(2026, 12))])
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes", json=asked(basis, "2026-12"), headers=tokens.make(Role.ADMIN)
    )

    assert (answer.json()["covers_today"], answer.json()["to_cover_today"]) == (True, None)


@pytest.mark.parametrize(
    ("reason", "code"), [("deceased", "member_deceased"), ("over_age", "member_over_age")]
)
async def test_nothing_is_quoted_where_nothing_can_be_billed(
    client: httpx.AsyncClient,
    tokens: Tokens,
    make_basis: MakeBasis,
    member_answers: Know,
    reason: str,
    code: str,
) -> None:
    basis = make_basis(registration=None, offers=[], not_billable=reason)
    member_answers(basis)

    answer = await client.post("/v1/quotes", json=asked(basis), headers=tokens.make(Role.ADMIN))

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/member_id"]


async def test_months_that_are_not_offered_are_not_quoted(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis()
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes", json=asked(basis, "2026-09"), headers=tokens.make(Role.ADMIN)
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "month_not_billable")
    assert answer.json()["details"] == {"billable_from": ["2026-11"], "latest": "2027-11"}
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/first_month"]


async def test_the_name_of_the_member_is_not_in_a_quote(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis()
    member_answers(basis)

    answer = await client.post("/v1/quotes", json=asked(basis), headers=tokens.make(Role.ADMIN))

    assert basis.display_name not in answer.text


async def test_another_agents_member_cannot_be_quoted(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis()
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes", json=asked(basis), headers=tokens.make(Role.AGENT, agent_id=new_id())
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "member_unknown")


async def test_a_member_nobody_knows_cannot_be_quoted(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    member_answers(make_basis())

    answer = await client.post(
        "/v1/quotes", json=asked(make_basis()), headers=tokens.make(Role.ADMIN)
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "member_unknown")


@pytest.mark.parametrize(
    ("differences", "code"),
    [
        ({"declared_income": 999_999}, "income_below_minimum"),
        ({"programmes": {Programme.JHT}}, "mandatory_programme_missing"),
        (
            {"programmes": {Programme.JKK, Programme.JKM}, "employs_others": True},
            "jht_mandatory",
        ),
    ],
)
async def test_what_has_no_price_says_why(
    client: httpx.AsyncClient,
    tokens: Tokens,
    make_basis: MakeBasis,
    member_answers: Know,
    differences: dict[str, Any],
    code: str,
) -> None:
    basis = make_basis(**differences)
    member_answers(basis)

    answer = await client.post("/v1/quotes", json=asked(basis), headers=tokens.make(Role.ADMIN))

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_month_without_a_table_is_named(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, member_answers: Know
) -> None:
    basis = make_basis(
        offers=[make_offer(Month(2021, 1), pay_before=midnight(Month(2027, 1).first_day))]
    )
    member_answers(basis)

    answer = await client.post(
        "/v1/quotes", json=asked(basis, "2021-01"), headers=tokens.make(Role.ADMIN)
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "no_tariff")
    assert answer.json()["details"] == {"month": "2021-01"}


@pytest.mark.parametrize(
    "broken",
    [
        {"month_count": 0},
        {"month_count": 13},
        {"month_count": "1"},
        {"first_month": "2026-13"},
        {"member_id": "x"},
        {"note": "x"},
    ],
    ids=str,
)
async def test_a_request_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, broken: dict[str, Any]
) -> None:
    answer = await client.post(
        "/v1/quotes", json={**asked(make_basis()), **broken}, headers=tokens.make(Role.ADMIN)
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_without_member_service_a_quote_can_be_tried_again_later(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis
) -> None:
    answer = await client.post(
        "/v1/quotes", json=asked(make_basis()), headers=tokens.make(Role.ADMIN)
    )

    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_an_answer_of_member_service_that_cannot_be_read_is_not_repeated(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, wire: Wire
) -> None:
    wire.answer("member", lambda _: httpx.Response(200, json={"display_name": "Siti Aminah"}))

    answer = await client.post(
        "/v1/quotes", json=asked(make_basis()), headers=tokens.make(Role.ADMIN)
    )

    assert answer.status_code == 503
    assert "Siti" not in answer.text


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SERVICE])
async def test_a_quote_is_not_for_everybody(
    client: httpx.AsyncClient, tokens: Tokens, make_basis: MakeBasis, role: Role
) -> None:
    answer = await client.post("/v1/quotes", json=asked(make_basis()), headers=tokens.make(role))

    assert answer.status_code == 403
