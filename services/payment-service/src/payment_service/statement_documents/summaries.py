"""The tables of a summary, which stand for the rows that are too many to print each."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from uuid import UUID

from payment_service.commissions.rules import CommissionRule
from payment_service.payouts.rules import StatementPayoutStatus
from payment_service.statement_documents.rules import (
    RULES,
    Cell,
    CellKind,
    Column,
    LineGroup,
    Table,
    find_label,
    to_rupiah,
)
from payment_service.statement_documents.schemas import MonthStatementOut

BECAME: Mapping[str, str] = {
    StatementPayoutStatus.UNPAID: "Belum dibayar (Rp)",
    StatementPayoutStatus.IN_PAYMENT: "Sedang diproses (Rp)",
    StatementPayoutStatus.PAID: "Sudah dibayar (Rp)",
    StatementPayoutStatus.RETURNED: "Dikembalikan bank (Rp)",
    "held": "Ditahan (Rp)",
    "forfeited": "Hangus (Rp)",
}
"""What became of what is payable, in the order of columns."""
GROUP_COLUMNS = (
    Column("cause", "Keterangan"),
    Column("rule", "Jenis"),
    Column("contribution_month", "Bulan iuran", CellKind.MONTH),
    Column("line_count", "Banyaknya baris", CellKind.RUPIAH),
    Column("base", "Dasar (Rp)", CellKind.RUPIAH),
    Column("amount", "Insentif (Rp)", CellKind.EXACT),
)
AGENT_COLUMNS = (
    Column("agent_name", "Agen"),
    Column("line_count", "Banyaknya baris", CellKind.RUPIAH),
    Column("contribution", "Insentif iuran (Rp)", CellKind.EXACT),
    Column("acquisition", "Insentif akuisisi (Rp)", CellKind.EXACT),
    Column("override", "Insentif wadah (Rp)", CellKind.EXACT),
    Column("amount", "Jumlah (Rp)", CellKind.EXACT),
)
WADAH_COLUMNS = (
    Column("wadah_name", "Wadah"),
    Column("statement_count", "Banyaknya rekap", CellKind.RUPIAH),
    Column("amount", "Jumlah rekap (Rp)", CellKind.RUPIAH),
    Column("payable", "Dapat dibayarkan (Rp)", CellKind.RUPIAH),
    *(Column(str(each), label, CellKind.RUPIAH) for each, label in BECAME.items()),
)


def sum_by_rule(groups: Sequence[LineGroup]) -> Table:
    """Return an agent's lines by what they are for."""
    return Table("Ringkasan", GROUP_COLUMNS, [_group_row(each) for each in groups])


def _group_row(group: LineGroup) -> tuple[Cell, ...]:
    assert group.cause is not None, "an agent's lines are added up by cause"
    return (
        find_label(group.cause, group.reason),
        RULES[group.rule],
        group.contribution_month,
        group.line_count,
        group.base,
        to_rupiah(group.parts),
    )


def sum_by_agent(groups: Sequence[LineGroup], agent_names: Mapping[UUID, str]) -> Table:
    """Return a wadah's lines by agent. groups: one an agent and rule, in the order of agents."""
    rows: list[tuple[Cell, ...]] = []
    for agent_id, found in groupby(groups, lambda each: each.agent_id):
        of_agent = list(found)
        parts = {each.rule: each.parts for each in of_agent}
        assert agent_id is not None, "a wadah's lines are added up by agent"
        rows.append(
            (
                agent_names.get(agent_id) or str(agent_id),
                sum(each.line_count for each in of_agent),
                *(to_rupiah(parts.get(rule, 0)) for rule in CommissionRule),
                to_rupiah(sum(parts.values())),
            )
        )
    return Table("Ringkasan per agen", AGENT_COLUMNS, rows)


def sum_by_wadah(statements: Sequence[MonthStatementOut]) -> Table:
    """Return statements by wadah; what is payable stands again under what became of it."""
    found: dict[UUID, list[MonthStatementOut]] = {}
    for each in statements:
        found.setdefault(each.wadah_id, []).append(each)
    rows: list[tuple[Cell, ...]] = []
    for wadah_id, of_wadah in found.items():
        became = dict.fromkeys(BECAME, 0)
        for each in of_wadah:
            became[_find_became(each)] += each.payable
        rows.append(
            (
                of_wadah[0].wadah_name or str(wadah_id),
                len(of_wadah),
                sum(each.amount for each in of_wadah),
                sum(each.payable for each in of_wadah),
                *became.values(),
            )
        )
    return Table("Ringkasan per wadah", WADAH_COLUMNS, rows)


def _find_became(each: MonthStatementOut) -> str:
    if each.forfeited_at is not None:
        return "forfeited"
    return "held" if each.held_reason is not None else each.payout_status
