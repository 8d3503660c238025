"""Which months a quote or a bill takes, out of those that member-service offers.

member-service decides which months can be billed and until when; only the length limits are ours.
Source of every rule: docs/domain.md, Bills and quotes.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from payment_service.tariffs.rules import MAX_MONTHS, Line
from perisai_kit.domain.errors import Invalid
from perisai_kit.domain.month import Month

NotBillable = Literal["deceased", "over_age"]
"""Why member-service offers nothing."""


class MemberDeceased(Invalid):
    code = "member_deceased"
    text = (
        "The member is recorded as deceased, so nothing can be billed. If this is wrong, contact "
        "the branch office."
    )
    text_id = (
        "Peserta tercatat sudah meninggal dunia, jadi tidak ada iuran yang dapat ditagih. Jika "
        "data ini salah, hubungi kantor cabang."
    )


class MemberOverAge(Invalid):
    code = "member_over_age"
    text = (
        "The member has reached the age limit and cannot be registered. If the date of birth is "
        "wrong, contact the branch office."
    )
    text_id = (
        "Usia peserta sudah mencapai batas, jadi tidak dapat didaftarkan. Jika tanggal lahirnya "
        "salah, hubungi kantor cabang."
    )


class DeclarationNeeded(Invalid):
    code = "declaration_needed"
    text = (
        "This payment registers the member, so the working status must be declared first. Send the "
        "work declaration of the member (POST /v1/members/{member_id}/work-declarations), then "
        "create the bill again."
    )
    text_id = (
        "Pembayaran ini mendaftarkan peserta, jadi status bekerjanya harus dinyatakan dulu. Isi "
        "pernyataan bekerja peserta, lalu buat tagihan lagi."
    )


class MonthNotBillable(Invalid):
    """`details`: `billable_from`, the first months of the offers, and `latest`, the last month."""

    code = "month_not_billable"
    text = (
        "These months cannot be billed now. Ask for a quote: it shows with which month a bill can "
        "begin and how many months it can have."
    )
    text_id = (
        "Bulan ini belum dapat ditagih. Lihat simulasi iuran: di sana tertulis tagihan bisa "
        "dimulai dari bulan apa dan paling banyak berapa bulan."
    )


_REFUSALS: dict[NotBillable, type[Invalid]] = {
    "deceased": MemberDeceased,
    "over_age": MemberOverAge,
}


class Offer(Protocol):
    """Months that can be billed now: a bill takes the first ones, in their order.

    pay_before: the first instant at which they cannot be paid any more. paid_earlier: those that
    were paid in an earlier registration.
    """

    @property
    def months(self) -> Sequence[Month]: ...
    @property
    def pay_before(self) -> datetime: ...
    @property
    def opens_registration(self) -> bool: ...
    @property
    def paid_earlier(self) -> Container[Month]: ...


class PresentRegistration(Protocol):
    """The open registration of a member. covers_from: nothing is covered before this instant."""

    @property
    def covers_from(self) -> datetime: ...


class Billable(Protocol):
    """What member-service says can be billed, the proposed offer first.

    settled_since: payments before it belong to earlier registrations; None: there are none.
    """

    @property
    def registration(self) -> PresentRegistration | None: ...
    @property
    def settled_since(self) -> datetime | None: ...
    @property
    def offers(self) -> Sequence[Offer]: ...
    @property
    def declaration_needed(self) -> bool: ...
    @property
    def not_billable(self) -> NotBillable | None: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """The months of a quote or a bill, at least one, in order. The rest is as in `Offer`.

    declaration_needed: before these months can be billed.
    """

    months: tuple[Month, ...]
    pay_before: datetime
    opens_registration: bool
    paid_earlier: tuple[Month, ...]
    declaration_needed: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One offer in short. longest: how many months a bill that begins so can have."""

    first_month: Month
    longest: int
    pay_before: datetime
    opens_registration: bool


@dataclass(frozen=True, slots=True)
class Priced:
    """Months with their price, line by line."""

    chosen: Chosen
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def relief_amount(self) -> int:
        return sum(line.relief_amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class Quote:
    """What months would cost, and what their payment would mean.

    covers_today: whether the member is covered today once it is paid. returns: whether the payment
    registers the member anew, so that the waiting period starts again.
    to_cover_today: the smallest payment that covers the member today; None where none is needed or
    none can.
    """

    asked: Priced
    choices: tuple[Choice, ...]
    covers_today: bool
    returns: bool
    to_cover_today: Priced | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Until when bills reach. at: now. present: the month of `at` in Jakarta. latest: a month."""

    at: datetime
    present: Month
    latest: Month

    @classmethod
    def of(cls, at: datetime, present: Month, *, advance_months: int) -> "Limits":
        return cls(at, present, present.plus(advance_months))


def choose_months(
    billable: Billable, limits: Limits, *, first_month: Month | None, month_count: int
) -> Chosen:
    """Return the first months of the offer that begins with a month, or of the proposed one.

    Raises: MemberDeceased, MemberOverAge; MonthNotBillable where there is no such offer, or not so
    many months.
    """
    if billable.not_billable is not None:
        raise _REFUSALS[billable.not_billable](field="member_id")
    offers = list(_open_offers(billable, limits))
    for offer in offers:
        if first_month in (None, offer.months[0]) and month_count <= _longest(offer, limits):
            return _take(billable, offer, month_count)
        if first_month is None:
            break
    begins = [offer.months[0] for offer in offers]
    raise MonthNotBillable(
        field=_find_wrong(begins, first_month),
        billable_from=list(map(str, begins)),
        latest=str(limits.latest),
    )


def list_choices(billable: Billable, limits: Limits) -> tuple[Choice, ...]:
    """Return the offers in short, the proposed one first."""
    return tuple(
        Choice(
            first_month=offer.months[0],
            longest=_longest(offer, limits),
            pay_before=offer.pay_before,
            opens_registration=offer.opens_registration,
        )
        for offer in _open_offers(billable, limits)
    )


def covers_today(billable: Billable, chosen: Chosen, limits: Limits) -> bool:
    """Tell whether the member is covered today once these months are paid."""
    return limits.present in chosen.months or _is_covered(billable, limits)


def find_smallest_cover(billable: Billable, limits: Limits) -> Chosen | None:
    """Return the fewest first months of an offer that include the present month, if any do."""
    counts = [
        (offer.months.index(limits.present) + 1, offer)
        for offer in _open_offers(billable, limits)
        if limits.present in offer.months
    ]
    payable = [each for each in counts if each[0] <= _longest(each[1], limits)]
    if not payable:
        return None
    count, offer = min(payable, key=lambda each: each[0])
    return _take(billable, offer, count)


def is_return(billable: Billable, chosen: Chosen) -> bool:
    """Tell whether a payment registers somebody anew who was registered before."""
    return chosen.opens_registration and billable.settled_since is not None


def _find_wrong(begins: Sequence[Month], first_month: Month | None) -> str:
    """Return the field because of which there is no offer. begins: the offers' first months."""
    if not begins:
        return "member_id"
    return "month_count" if first_month in (None, *begins) else "first_month"


def _open_offers(billable: Billable, limits: Limits) -> Iterator[Offer]:
    # Between the answer of member-service and now a month may have ended.
    for offer in billable.offers:
        if limits.at < offer.pay_before and offer.months[0] <= limits.latest:
            yield offer


def _longest(offer: Offer, limits: Limits) -> int:
    in_reach = sum(1 for month in offer.months if month <= limits.latest)
    return min(in_reach, MAX_MONTHS)


def _take(billable: Billable, offer: Offer, count: int) -> Chosen:
    months = tuple(offer.months[:count])
    return Chosen(
        months=months,
        pay_before=offer.pay_before,
        opens_registration=offer.opens_registration,
        paid_earlier=tuple(month for month in months if month in offer.paid_earlier),
        declaration_needed=offer.opens_registration and billable.declaration_needed,
    )


def _is_covered(billable: Billable, limits: Limits) -> bool:
    # The offers of an open registration name its unpaid months: what they lack is paid.
    registration = billable.registration
    if registration is None or limits.at < registration.covers_from:
        return False
    return not any(limits.present in offer.months for offer in billable.offers)
