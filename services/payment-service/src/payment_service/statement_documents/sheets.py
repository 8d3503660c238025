"""Documents as they are printed, in Indonesian, from what the API answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from payment_service.commissions.rules import CommissionRule
from payment_service.counting.rules import BeneficiaryKind
from payment_service.incentive_holds.rules import HoldReason
from payment_service.incentive_statements.schemas import IncentiveStatementOut
from payment_service.ledger.rules import TransferCode
from payment_service.ledger.schemas import LedgerTransferOut
from payment_service.payees.rules import PayeeKind
from payment_service.payouts.rules import StatementPayoutStatus
from payment_service.statement_documents.rules import (
    KINDS,
    RULES,
    Cell,
    CellKind,
    Column,
    LineGroup,
    Sheet,
    Table,
    describe,
    describe_form,
    describe_instant,
    describe_month,
    find_label,
    to_rupiah,
)
from payment_service.statement_documents.schemas import (
    ExplainedLineOut,
    MonthDocumentOut,
    MonthStatementOut,
    ProvenStatementOut,
    StatementDocumentOut,
)
from payment_service.statement_documents.summaries import sum_by_agent, sum_by_rule, sum_by_wadah
from perisai_kit.domain.month import Month

TITLE = "Rekap Insentif Perisai"
SUMMARY_NAME, SUMMARY_TITLE = "ringkasan", "Ringkasan Rekap Insentif Perisai"
HELD = {
    HoldReason.FRAUD: "Ditahan: agen diberhentikan karena kecurangan",
    HoldReason.CRIME: "Ditahan: agen diberhentikan karena tindak pidana",
    HoldReason.GRATIFICATION: "Ditahan: agen diberhentikan karena gratifikasi",
    HoldReason.WADAH_TERMINATED: "Ditahan: kerja sama dengan wadah sudah berakhir",
    HoldReason.AGREEMENT_ENDED: "Ditahan: tidak ada PKS yang berlaku",
}
FORFEITED = "Hangus: tidak dibayarkan"
PAID = {
    StatementPayoutStatus.UNPAID: "Belum dibayar",
    StatementPayoutStatus.IN_PAYMENT: "Sedang diproses",
    StatementPayoutStatus.PAID: "Sudah dibayar",
    StatementPayoutStatus.RETURNED: "Dikembalikan bank, akan dibayar ulang",
}
PAYEES = {PayeeKind.AGENT: "Agen", PayeeKind.WADAH: "Wadah"}
POSTED = {
    TransferCode.INCENTIVE_ACCRUED: "Insentif terutang",
    TransferCode.INCENTIVE_REVERSED: "Insentif dikurangi",
    TransferCode.INCENTIVE_FORFEITED: "Insentif hangus",
    TransferCode.INCENTIVE_SET_OFF: "Insentif hangus dikurangi utang",
    TransferCode.CORRECTION: "Dibatalkan",
}
EQUAL = "Jumlah rekap ini sama dengan rincian di atas dan dengan buku besar."
SUMMARY_EQUAL = (
    "Jumlah rekap ini sama dengan jumlah semua rinciannya, yang diringkas di atas, dan dengan buku "
    "besar."
)
NOTES = (
    "Insentif dihitung tepat sampai 1/10.000 rupiah; sisa di bawah satu rupiah dibawa ke bulan "
    "berikutnya.",
    "Dokumen ini bukan bukti potong pajak.",
)
LINE_COLUMNS = (
    Column("line_id", "No. baris", CellKind.NUMBER, is_printed=False),
    Column("member_name", "Peserta"),
    Column("agent_name", "Agen", is_printed=False),
    Column("cause", "Keterangan"),
    Column("rule", "Jenis", is_printed=False),
    Column("contribution_month", "Bulan iuran", CellKind.MONTH),
    Column("programme", "Program"),
    Column("month_index", "Bulan ke-", CellKind.NUMBER),
    Column("base", "Dasar (Rp)", CellKind.RUPIAH),
    Column("rate_percent", "Tarif", CellKind.RATE),
    Column("amount", "Insentif (Rp)", CellKind.EXACT),
    Column("paid_at", "Dibayar", CellKind.DAY),
    Column("bank_name", "Bank"),
    Column("reference_no", "No. referensi bank"),
    Column("payment_id", "No. bukti bayar"),
    Column("bill_id", "No. tagihan", is_printed=False),
    Column("earned_month", "Bulan insentif", CellKind.MONTH, is_printed=False),
)
POSTING_COLUMNS = (
    Column("id", "No. jurnal", CellKind.NUMBER),
    Column("code", "Keterangan"),
    Column("debit_account", "Debit"),
    Column("credit_account", "Kredit"),
    Column("amount", "Jumlah (Rp)", CellKind.RUPIAH),
    Column("business_on", "Tanggal", CellKind.DAY),
)
STATEMENT_COLUMNS = (
    Column("statement_id", "No. rekap", is_printed=False),
    Column("beneficiary_kind", "Penerima"),
    Column("beneficiary_name", "Nama"),
    Column("beneficiary_id", "No. penerima", is_printed=False),
    Column("wadah_name", "Wadah"),
    Column("contribution", "Insentif iuran (Rp)", CellKind.EXACT),
    Column("acquisition", "Insentif akuisisi (Rp)", CellKind.EXACT),
    Column("override", "Insentif wadah (Rp)", CellKind.EXACT),
    Column("amount", "Jumlah rekap (Rp)", CellKind.RUPIAH),
    Column("payable", "Dapat dibayarkan (Rp)", CellKind.RUPIAH),
    Column("held_reason", "Keterangan"),
    Column("payee_kind", "Dibayarkan kepada"),
    Column("payout_status", "Pembayaran"),
)
PROOF_COLUMNS = (
    Column("what", "Keterangan"),
    Column("amount", "Jumlah (Rp)", CellKind.RUPIAH),
)


def make_statement_sheet(document: StatementDocumentOut) -> Sheet:
    """Return a statement with its lines and postings."""
    rows = [_line_row(each) for each in document.lines]
    return Sheet(
        name=_statement_name(document),
        title=TITLE,
        facts=[*_statement_facts(document), _form(len(rows))],
        sums=_sums(document.statement),
        main=Table("Rincian", LINE_COLUMNS, rows),
        proof=_postings(document),
        notes=(EQUAL, *NOTES),
        issued_at=document.statement.issued_at,
    )


def make_statement_summary(
    stated: ProvenStatementOut, groups: Sequence[LineGroup], agent_names: Mapping[UUID, str]
) -> Sheet:
    """Return a statement with its lines added up: of a wadah by agent, of an agent by rule."""
    is_wadah = stated.statement.beneficiary_kind is BeneficiaryKind.WADAH
    count = sum(each.line_count for each in groups)
    return Sheet(
        name=f"{_statement_name(stated)}-{SUMMARY_NAME}",
        title=SUMMARY_TITLE,
        facts=[*_statement_facts(stated), _form(count, is_summary=True)],
        sums=_sums(stated.statement),
        main=sum_by_agent(groups, agent_names) if is_wadah else sum_by_rule(groups),
        proof=_postings(stated),
        notes=(SUMMARY_EQUAL, *NOTES),
        issued_at=stated.statement.issued_at,
    )


def make_month_sheet(document: MonthDocumentOut, *, issued_at: datetime) -> Sheet:
    """Return the statements of a wadah or a branch. issued_at: when the month was closed."""
    rows = [_statement_row(each) for each in document.statements]
    return Sheet(
        name=_month_name(document),
        title=TITLE,
        facts=[*_month_facts(document, issued_at), _form(len(rows))],
        sums=_month_sums(document),
        main=Table("Rekap", STATEMENT_COLUMNS, rows),
        proof=_month_proof(document),
        notes=(EQUAL, *NOTES),
        issued_at=issued_at,
    )


def make_month_summary(document: MonthDocumentOut, *, issued_at: datetime) -> Sheet:
    """Return the statements of a wadah or a branch, added up by wadah."""
    return Sheet(
        name=f"{_month_name(document)}-{SUMMARY_NAME}",
        title=SUMMARY_TITLE,
        facts=[
            *_month_facts(document, issued_at),
            _form(len(document.statements), is_summary=True),
        ],
        sums=_month_sums(document),
        main=sum_by_wadah(document.statements),
        proof=_month_proof(document),
        notes=(SUMMARY_EQUAL, *NOTES),
        issued_at=issued_at,
    )


def _statement_name(document: ProvenStatementOut) -> str:
    return f"rekap-insentif-{document.statement.month}-{document.statement.id}"


def _statement_facts(document: ProvenStatementOut) -> list[tuple[str, str]]:
    stated = document.statement
    facts = [
        ("Penerima", document.beneficiary_name or str(stated.beneficiary_id)),
        ("Jenis penerima", KINDS[stated.beneficiary_kind]),
        ("Wadah", document.wadah_name or str(stated.wadah_id)),
        ("Cabang", stated.branch_code),
        ("Bulan", describe_month(Month.parse(str(stated.month)))),
        ("Diterbitkan", describe_instant(stated.issued_at)),
        ("No. rekap", str(stated.id)),
        ("Dibayarkan kepada", PAYEES[stated.payee.kind]),
        ("Pembayaran", PAID[stated.payout_status]),
    ]
    if stated.forfeited_at is not None:
        facts.append(("Status", FORFEITED))
    elif stated.held and stated.held_reason is not None:
        facts.append(("Status", HELD[stated.held_reason]))
    return facts


def _postings(document: ProvenStatementOut) -> Table:
    rows = [_posting_row(each) for each in document.postings]
    return Table("Buku besar", POSTING_COLUMNS, rows)


def _month_name(document: MonthDocumentOut) -> str:
    return f"rekap-insentif-{document.month}-{document.branch_code or document.wadah_id}"


def _month_facts(document: MonthDocumentOut, issued_at: datetime) -> list[tuple[str, str]]:
    if document.branch_code:
        owner = ("Cabang", document.branch_code)
    else:
        owner = ("Wadah", document.statements[0].wadah_name or str(document.wadah_id))
    return [
        owner,
        ("Bulan", describe_month(Month.parse(str(document.month)))),
        ("Diterbitkan", describe_instant(issued_at)),
        ("Banyaknya rekap", describe(len(document.statements), CellKind.RUPIAH)),
    ]


def _month_sums(document: MonthDocumentOut) -> list[tuple[str, Cell, CellKind]]:
    return [
        ("Jumlah semua rekap", document.amount, CellKind.RUPIAH),
        ("Dapat dibayarkan", document.payable, CellKind.RUPIAH),
    ]


def _month_proof(document: MonthDocumentOut) -> Table:
    rows: list[tuple[Cell, ...]] = [
        ("Jumlah semua rekap", document.amount),
        ("Terutang menurut buku besar", document.accrued),
    ]
    return Table("Buku besar", PROOF_COLUMNS, rows)


def _form(count: int, *, is_summary: bool = False) -> tuple[str, str]:
    return "Bentuk dokumen", describe_form(count, is_summary=is_summary)


def _sums(stated: IncentiveStatementOut) -> Sequence[tuple[str, Cell, CellKind]]:
    exact, whole = CellKind.EXACT, CellKind.RUPIAH
    own = stated.beneficiary_kind is BeneficiaryKind.AGENT
    rows: list[tuple[str, Cell, CellKind]] = [
        (RULES[CommissionRule.CONTRIBUTION], to_rupiah(stated.contribution_parts), exact),
        (RULES[CommissionRule.ACQUISITION], to_rupiah(stated.acquisition_parts), exact),
    ]
    if not own:
        rows.append((RULES[CommissionRule.OVERRIDE], to_rupiah(stated.override_parts), exact))
    settled = [("Utang yang sudah dipotong dari pembayaran", stated.set_off, whole)]
    deducted = [("Dipotong untuk utang bulan berikutnya", stated.deducted, whole)]
    return [
        *rows,
        ("Sisa dari bulan sebelumnya", to_rupiah(stated.brought_parts), exact),
        ("Jumlah rekap bulan ini", stated.amount, whole),
        *(settled if stated.set_off else []),
        ("Utang dari bulan sebelumnya", stated.brought_debt, whole),
        ("Dapat dibayarkan", stated.payable, whole),
        *(deducted if stated.deducted else []),
        ("Sisa untuk bulan berikutnya", to_rupiah(stated.carried_parts), exact),
        ("Utang untuk bulan berikutnya", stated.carried_debt, whole),
    ]


def _line_row(line: ExplainedLineOut) -> tuple[Cell, ...]:
    paid_month = line.contribution_month
    return (
        line.id,
        line.member_name,
        line.agent_name,
        find_label(line.cause, line.reason),
        RULES[line.rule],
        None if paid_month is None else Month.parse(str(paid_month)),
        None if line.programme is None else line.programme.upper(),
        line.month_index,
        line.base,
        line.rate_bps,
        to_rupiah(line.parts),
        line.paid_at,
        line.bank_name,
        line.reference_no,
        str(line.payment_id),
        None if line.bill_id is None else str(line.bill_id),
        Month.parse(str(line.earned_month)),
    )


def _posting_row(posting: LedgerTransferOut) -> tuple[Cell, ...]:
    return (
        posting.id,
        POSTED.get(posting.code, posting.code),
        posting.debit_account,
        posting.credit_account,
        posting.amount,
        posting.business_on,
    )


def _statement_row(each: MonthStatementOut) -> tuple[Cell, ...]:
    held = None if each.held_reason is None else HELD[HoldReason(each.held_reason)]
    status = held if each.forfeited_at is None else FORFEITED
    return (
        str(each.statement_id),
        KINDS[each.beneficiary_kind],
        each.beneficiary_name or str(each.beneficiary_id),
        str(each.beneficiary_id),
        each.wadah_name,
        to_rupiah(each.contribution_parts),
        to_rupiah(each.acquisition_parts),
        to_rupiah(each.override_parts),
        each.amount,
        each.payable,
        status,
        PAYEES[each.payee_kind],
        PAID[each.payout_status],
    )
