from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from payment_service.counting.rules import BeneficiaryKind
from payment_service.payees.rules import PayeeKind
from payment_service.payees.schemas import PayeeId
from payment_service.tax_slips.rules import NOTICE, NOTICE_ID
from payment_service.taxes.rules import TaxKind, TaxStep
from perisai_kit.domain.nik import NikStatus
from perisai_kit.http.types import BeneficiaryId, MonthText, Out, RecordId


class _Draft(Out):
    """What stands on everything that a tax adviser has not checked."""

    draft: Annotated[Literal[True], Field(description="Always true: it is no official slip.")] = (
        True
    )
    notice: Annotated[str, Field(description="The same, to print, in English.")] = NOTICE
    notice_id: Annotated[str, Field(description="The same, to print, in Indonesian.")] = NOTICE_ID


class TaxLineOut(Out):
    """One step from the base to the tax."""

    step: Annotated[TaxStep, Field(description="A bracket of Pasal 17, or the surcharge.")]
    taxed: Annotated[
        int | None,
        Field(description="Rupiah of the base in this bracket; null for the surcharge."),
    ]
    rate_bps: Annotated[
        int,
        Field(
            description="Rate in basis points; of the surcharge on the tax of the brackets.",
            examples=[500],
        ),
    ]
    exact: Annotated[int, Field(description="The step's tax in 1/10,000 rupiah.")]


class TaxSlipOut(_Draft):
    """What was withheld from one payment to one taxpayer: data for a withholding slip."""

    id: RecordId
    kind: Annotated[TaxKind, Field(description="The tax: pph21 or pph23.")]
    form: Annotated[
        str | None,
        Field(description="Form of the slip in the older format; null: none was found."),
    ]
    month: Annotated[MonthText, Field(description="Month of the payment, for which tax is due.")]
    paid_on: Annotated[date, Field(description="Jakarta day of the payment.")]
    returned_on: Annotated[
        date | None,
        Field(description="Day on which the bank returned it: the slip is void; null: it stands."),
    ]
    payout_id: Annotated[UUID, Field(description="Id of the payout.")]
    payee_kind: Annotated[PayeeKind, Field(description="Whether an agent or a wadah was paid.")]
    payee_id: PayeeId
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="The taxpayer's kind.")]
    beneficiary_id: BeneficiaryId
    gross: Annotated[int, Field(description="The payment before tax, in rupiah.")]
    base: Annotated[int, Field(description="The taxed part of it, in rupiah.")]
    amount: Annotated[int, Field(description="The tax withheld, in rupiah, rounded down.")]
    surcharged: Annotated[bool, Field(description="Whether the rate without NPWP was applied.")]
    has_npwp: Annotated[bool, Field(description="Whether an NPWP was known.")]
    nik_status: Annotated[
        NikStatus | None,
        Field(description="Whether the NIK served as NPWP; null: of a wadah, or nothing known."),
    ]
    tax_identity_id: Annotated[
        UUID | None, Field(description="Id of the tax identity; null: none was recorded.")
    ]
    table_version: Annotated[str, Field(description="The version of the rates.")]
    legal_basis: Annotated[str, Field(description="The law that the rates are from.")]
    lines: Annotated[list[TaxLineOut], Field(description="The steps, which add up to the tax.")]


class TaxSlipIdentityOut(TaxSlipOut):
    """A slip with who the taxpayer is, to print. The NIK is not known to this service."""

    name: Annotated[
        str | None, Field(description="Name of the agent or wadah; null: not known for now.")
    ]
    npwp: Annotated[
        str | None, Field(description="NPWP on the day of the payment, whole; null: none known.")
    ]


class TaxSumOut(Out):
    """One tax of a taxpayer's year, net of returned payments."""

    kind: Annotated[TaxKind, Field(description="The tax; none: paid without withholding.")]
    payment_count: Annotated[int, Field(description="Payments that were not returned.")]
    gross: Annotated[int, Field(description="The payments before tax, in rupiah.")]
    base: Annotated[int, Field(description="The taxed part of them, in rupiah.")]
    amount: Annotated[int, Field(description="The tax withheld, in rupiah.")]


class TaxRecapOut(_Draft):
    """What was withheld of one taxpayer in a year, net of returned payments."""

    year: Annotated[int, Field(description="Year of the payments.")]
    beneficiary_kind: Annotated[BeneficiaryKind, Field(description="The taxpayer's kind.")]
    beneficiary_id: BeneficiaryId
    taxes: Annotated[list[TaxSumOut], Field(description="By tax; empty: nothing was paid.")]
