"""A crowd of members with a bill in hand, made in seconds.

A few are enrolled and billed over the API. The others are copies of their rows, put into the
databases in bulk with the events that would have announced them: members, attributions, bills,
their months and lines, and an account at every bank. They have the names and NIKs of the
original, and most agents exist only as an event that says they work: no more of them is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
from stage.customers import AT, MONTH, Customer, bill_for, new_customer
from stage.processes import Platform

from gateway.accounts.models import Account
from member_service.members.models import Member
from payment_service.virtual_accounts.models import VirtualAccount
from perisai_kit.domain.ids import new_id
from perisai_kit.events.catalogue import AgentActivated
from perisai_kit.privacy.columns import get_sealed_columns
from perisai_kit.privacy.keyring import Keyring
from sandbox.demo.clients import Actor
from sandbox.demo.people import member_body, new_adult
from sandbox.environment import FAKEBANK_FILE
from sandbox.fakebank.config import Partner, Partners
from snap_bi import virtual_account

AGENTS = 60
"""Some of them reach the threshold of new members, some do not."""
WADAHS = 3
NAME = "Siti Aminah"
"""What the banks are shown of each."""

# By table: the column that leads to the model, and what differs from it.
_MEMBER = {"member_id": "wanted.member_id"}
_BILL = {"bill_id": "wanted.bill_id"}
_ORDER = {"order_id": "wanted.order_id"}
_ATTRIBUTED = {"agent_id": "wanted.agent_id", "wadah_id": "wanted.wadah_id"}
_ATTRIBUTED_PAIRS = ", ".join(f"'{name}', {value}" for name, value in _ATTRIBUTED.items())
_NEW = {"id": "gen_random_uuid()", **_MEMBER}
_OF_MEMBERS = {
    "members": (
        "id",
        "model_member_id",
        {
            "id": "wanted.member_id",
            "nik_hash": "sha256(wanted.member_id::text::bytea)",
        },
    ),
    "attributions": (
        "member_id",
        "model_member_id",
        {"id": "wanted.attribution_id", **_MEMBER, **_ATTRIBUTED},
    ),
    "attribution_periods": (
        "member_id",
        "model_member_id",
        {"attribution_id": "wanted.attribution_id", **_MEMBER, **_ATTRIBUTED},
    ),
    "work_declarations": ("member_id", "model_member_id", _NEW),
    "consents": ("member_id", "model_member_id", _NEW),
    "bpu_evidence": ("member_id", "model_member_id", _NEW),
}
_OF_BILLS = {
    "orders": ("id", "model_order_id", {"id": "wanted.order_id"}),
    "bills": ("id", "model_bill_id", {"id": "wanted.bill_id", **_ORDER, **_MEMBER}),
    "bill_lines": ("bill_id", "model_bill_id", _BILL),
}
# Each of them is in one agent's care, or in the branch's, and stays there.
_PERIODS = f"jsonb_build_array(data -> 'periods' -> 0 || jsonb_build_object({_ATTRIBUTED_PAIRS}))"
_WANTED = (
    "model_member_id",
    "model_bill_id",
    "model_order_id",
    "member_id",
    "bill_id",
    "order_id",
    "agent_id",
    "wadah_id",
    "attribution_id",
)
_EVENTS_OF_MEMBERS = ("member.enrolled.v1", "member.attributed.v1")
_EVENTS_OF_BILLS = ("bill.issued.v1",)


@dataclass(frozen=True)
class Model:
    """A customer who came about as customers do. has_agent: one in an agent's care."""

    customer: Customer
    has_agent: bool


async def new_crowd(platform: Platform, count: int, *, seed: int) -> list[Customer]:
    """Return so many customers, each with an account at a bank chosen by chance.

    The business time is the caller's.
    """
    chance = Random(seed)
    models = await _models(platform)
    wadahs = [new_id() for _ in range(WADAHS)]
    agents = [(new_id(), chance.choice(wadahs)) for _ in range(AGENTS)]
    wanted = [_wanted(chance.choice(models), agents, chance) for _ in range(count)]
    async with platform.database("member") as connection:
        await _insert(connection, wanted, _OF_MEMBERS, _EVENTS_OF_MEMBERS)
        copies = [(row["model_member_id"], row["member_id"]) for row in wanted]
        await _seal_anew(connection, Member, copies, platform.keyring("member"))
    async with platform.database("gateway") as connection:
        accounts = await _open_agent_accounts(connection, len(agents), platform.keyring("gateway"))
    async with platform.database("agent") as connection:
        await _activate(connection, agents, accounts)
    partners = Partners(platform.folder / FAKEBANK_FILE).all()
    async with platform.database("payment") as connection:
        await _insert(connection, wanted, _OF_BILLS, _EVENTS_OF_BILLS)
        numbers = await _open_accounts(connection, wanted, partners, platform.keyring("payment"))
    amounts = {each.customer.bill_id: each.customer.amount for each in models}
    return [
        Customer(
            str(row["member_id"]),
            str(row["bill_id"]),
            str(row["order_id"]),
            chance.choice(own),
            amounts[str(row["model_bill_id"])],
            own,
        )
        for row, own in zip(wanted, numbers, strict=True)
    ]


async def _models(platform: Platform) -> list[Model]:
    """Let an agent and an officer enrol those whom the others are copied from."""
    async with platform.http("gateway") as http:
        agent = Actor(http, device_id="stage-agent")
        await agent.sign_in_by_phone(platform.described["sign_ins"]["agent"]["phone"])
        cared_for = [
            await new_customer(agent),
            await new_customer(agent, programmes=("jkk", "jkm")),
            await _long_paying(agent),
        ]
    async with platform.staff("officer1") as officer:
        alone = await new_customer(officer)
    return [*(Model(each, True) for each in cared_for), Model(alone, False)]


async def _long_paying(by: Actor) -> Customer:
    """Return one who was in BPU before, and pays three months at once."""
    person = member_body(new_adult(AT.date()), at=AT, new_to_bpu=False)
    await by.post("/v1/members", person)
    return await bill_for(by, person["id"], MONTH, 3)


def _wanted(model: Model, agents: Sequence[tuple[UUID, UUID]], chance: Random) -> Mapping[str, Any]:
    # The first agents bring many members and the last ones hardly any.
    agent_id, wadah_id = agents[int(len(agents) * chance.random() ** 4)]
    return {
        "model_member_id": UUID(model.customer.member_id),
        "model_bill_id": UUID(model.customer.bill_id),
        "model_order_id": UUID(model.customer.order_id),
        "member_id": new_id(),
        "bill_id": new_id(),
        "order_id": new_id(),
        "agent_id": agent_id if model.has_agent else None,
        "wadah_id": wadah_id if model.has_agent else None,
        "attribution_id": new_id(),
    }


async def _open_agent_accounts(
    connection: asyncpg.Connection, count: int, keyring: Keyring
) -> list[UUID]:
    """Copy the account of the sandbox's agent, as it was before it was an agent's."""
    ids = [new_id() for _ in range(count)]
    model = await connection.fetchval("SELECT id FROM accounts WHERE agent_id IS NOT NULL LIMIT 1")
    await connection.execute(
        """
        INSERT INTO accounts SELECT new.*
        FROM unnest($1::uuid[]) AS wanted (id)
        CROSS JOIN (SELECT accounts FROM accounts WHERE id = $2) AS old
        CROSS JOIN LATERAL jsonb_populate_record(old.accounts, jsonb_build_object(
            'id', wanted.id, 'phone_hash', sha256(wanted.id::text::bytea), 'roles', '{}'::text[],
            'member_id', null, 'agent_id', null, 'wadah_id', null, 'was_agent_at', null)) AS new""",
        ids,
        model,
    )
    await _seal_anew(connection, Account, [(model, id_) for id_ in ids], keyring)
    return ids


async def _activate(
    connection: asyncpg.Connection,
    agents: Sequence[tuple[UUID, UUID]],
    accounts: Sequence[UUID],
) -> None:
    """Publish that these agents work, long before anybody pays."""
    decided_at = AT - timedelta(days=60)
    events = [
        AgentActivated(
            agent_id=agent_id,
            account_id=account_id,
            member_id=new_id(),
            wadah_id=wadah_id,
            branch_code="BWI",
            region_code="JTM",
            agent_code=f"A-{number}",
            decided_at=decided_at,
        )
        for number, ((agent_id, wadah_id), account_id) in enumerate(
            zip(agents, accounts, strict=True)
        )
    ]
    await connection.executemany(
        "INSERT INTO events (id, type, subject, data, occurred_at) VALUES ($1, $2, $3, $4, $5)",
        [
            (new_id(), each.type, each.subject, each.model_dump_json(), decided_at)
            for each in events
        ],
    )


async def _insert(
    connection: asyncpg.Connection,
    wanted: Sequence[Mapping[str, Any]],
    tables: Mapping[str, tuple[str, str, Mapping[str, str]]],
    types: Sequence[str],
) -> None:
    """Copy the models' rows and events, with the ids that are wanted, in one transaction."""
    columns = ", ".join(f"{name} uuid" for name in _WANTED)
    rows = [tuple(each[name] for name in _WANTED) for each in wanted]
    async with connection.transaction():
        await connection.execute(f"CREATE TEMP TABLE wanted ({columns}) ON COMMIT DROP")
        await connection.copy_records_to_table("wanted", records=rows)
        for table, (column, model, differs) in tables.items():
            await connection.execute(
                f"""
                INSERT INTO {table} SELECT new.*
                FROM wanted JOIN {table} AS old ON old.{column} = wanted.{model}
                CROSS JOIN LATERAL jsonb_populate_record(old, {_object(differs)}) AS new"""  # noqa: S608 - from above
            )
        ids = {**_MEMBER, **_BILL, **_ORDER, **_ATTRIBUTED, "periods": _PERIODS}
        await connection.execute(
            f"""
            INSERT INTO events (id, type, subject, data, occurred_at)
            SELECT gen_random_uuid(), type, wanted.member_id::text, data || (
                       SELECT jsonb_object_agg(key, value) FROM jsonb_each({_object(ids)})
                       WHERE data ? key), occurred_at
            FROM wanted JOIN events ON subject = wanted.model_member_id::text
            WHERE type = ANY($1::text[])
            ORDER BY wanted.member_id, seq""",  # noqa: S608 - from above
            list(types),
        )


async def _seal_anew(
    connection: asyncpg.Connection,
    model: type[Member] | type[Account],
    copies: Sequence[tuple[UUID, UUID]],
    keyring: Keyring,
) -> None:
    """Encrypt for each copy what its model says: a ciphertext holds for one row only.

    copies: the id of the model and that of the copy.
    """
    table, columns = model.__tablename__, get_sealed_columns(model)
    names = [each.name for each in columns]
    rows = await connection.fetch(
        f"SELECT id, {', '.join(names)} FROM {table} WHERE id = ANY($1::uuid[])",  # noqa: S608 - of the model
        list({of for of, _ in copies}),
    )
    plain = {
        row["id"]: [
            None if row[each.name] is None else each.unseal(keyring, (row["id"],), row[each.name])
            for each in columns
        ]
        for row in rows
    }
    sealed = [
        [
            None if (value := plain[of][place]) is None else each.seal(keyring, (id_,), value)
            for of, id_ in copies
        ]
        for place, each in enumerate(columns)
    ]
    values = ", ".join(f"${place}::bytea[]" for place in range(2, len(names) + 2))
    changes = ", ".join(f"{name} = new.{name}" for name in names)
    await connection.execute(
        f"""
        UPDATE {table} SET {changes}
        FROM unnest($1::uuid[], {values}) AS new (id, {", ".join(names)})
        WHERE {table}.id = new.id""",  # noqa: S608 - of the model
        [id_ for _, id_ in copies],
        *sealed,
    )


def _object(differs: Mapping[str, str]) -> str:
    pairs = (f"'{column}', {value}" for column, value in differs.items())
    return f"jsonb_build_object({', '.join(pairs)})"


async def _open_accounts(
    connection: asyncpg.Connection,
    wanted: Sequence[Mapping[str, Any]],
    partners: Sequence[Partner],
    keyring: Keyring,
) -> list[tuple[str, ...]]:
    """Give each order its account at every bank; return the numbers."""
    rows = await connection.fetch("SELECT DISTINCT partner_id, partner_name FROM virtual_accounts")
    names = {str(row["partner_id"]): row["partner_name"] for row in rows}
    last = await connection.fetchval(
        "SELECT setval('virtual_account_serials', nextval('virtual_account_serials') + $1)",
        len(wanted),
    )
    issued = [
        tuple(
            virtual_account.issue(each.entry.company_code, serial, each.profile)
            for each in partners
        )
        for serial in range(last - len(wanted) + 1, last + 1)
    ]
    records = [
        (
            row["order_id"],
            UUID(each.entry.partner_id),
            names[each.entry.partner_id],
            account.company_code,
            account.customer_no,
            account.number,
            VirtualAccount.shown_name.seal(
                keyring, (UUID(each.entry.partner_id), account.customer_no), NAME
            ),
        )
        for row, accounts in zip(wanted, issued, strict=True)
        for each, account in zip(partners, accounts, strict=True)
    ]
    columns = (
        "order_id",
        "partner_id",
        "partner_name",
        "company_code",
        "customer_no",
        "number",
        "shown_name",
    )
    await connection.copy_records_to_table("virtual_accounts", records=records, columns=columns)
    return [tuple(account.number for account in accounts) for accounts in issued]
