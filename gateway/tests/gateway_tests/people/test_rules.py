import uuid

import pytest

from gateway.people.rules import Choice, Known, choose_accounts

A, B = uuid.UUID(int=1), uuid.UUID(int=2)
SITI, BUDI = uuid.UUID(int=11), uuid.UUID(int=12)


def known(
    account_id: uuid.UUID = A,
    member_id: uuid.UUID | None = None,
    *,
    was_agent: bool = False,
    has_phone: bool = True,
) -> Known:
    return Known(account_id, member_id, was_agent, has_phone)


@pytest.mark.parametrize(
    ("accounts", "members", "choice"),
    [
        # No member and no account: an account without roles.
        ([], [], Choice(create_empty=True)),
        ([], None, Choice(create_empty=True)),
        # Members without accounts get them.
        ([], [SITI, BUDI], Choice(create=(SITI, BUDI))),
        # An applicant with the only member of the number becomes that member.
        ([known()], [SITI], Choice(keep=(A,), attach=(A, SITI))),
        # Of two accounts without a member the agent's becomes that member.
        (
            [known(A), known(B, was_agent=True)],
            [SITI],
            Choice(keep=(A, B), attach=(B, SITI)),
        ),
        # With two members it is unknown which one is the applicant.
        ([known()], [SITI, BUDI], Choice(keep=(A,), create=(SITI, BUDI))),
        # A member's account follows the member's number.
        ([known(A, SITI, has_phone=False)], [SITI], Choice(keep=(A,))),
        ([known(A, SITI)], [], Choice(create_empty=True)),
        # The account of a present or former agent does not.
        ([known(A, SITI, was_agent=True)], [], Choice(keep=(A,))),
        (
            [known(A, SITI, was_agent=True, has_phone=False)],
            [SITI],
            Choice(create_empty=True),
        ),
        # Without member-service the accounts of the number speak alone.
        ([known(A, SITI), known(B, BUDI)], None, Choice(keep=(A, B))),
    ],
)
def test_whom_a_number_leads_to(
    accounts: list[Known], members: list[uuid.UUID] | None, choice: Choice
) -> None:
    assert choose_accounts(accounts, members) == choice
