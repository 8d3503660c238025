from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.bank_history.rules import Snapshot
from payment_service.banks.rules import PartnerStatus, hash_public_key
from payment_service.base import Base
from perisai_kit.db.columns import choice
from perisai_kit.privacy.columns import sealed_text
from snap_bi.profiles import ExternalIdFormat, ReplayAnswer

_DESCRIBED = (
    "name",
    "profile",
    "status",
    "company_code",
    "bank_code",
    "client_id",
    "replay_answer",
    "trust_bank_time",
    "keeps_refused_money",
    "external_id_format",
    "base_url",
    "outbound_client_id",
    "x_partner_id",
    "channel_id",
)
_ENDS = ("previous_client_secret_until", "previous_public_key_until", "previous_sources_until")
_SECRETS = ("client_secret", "outbound_client_secret", "outbound_private_key_pem")


class BankPartner(Base):
    __tablename__ = "bank_partners"
    __table_args__ = (
        CheckConstraint(
            "status <> 'active' OR NOT status_changed_by = ANY (changed_by)", name="four_eyes"
        ),
        CheckConstraint(
            "(previous_client_secret IS NULL) = (previous_client_secret_until IS NULL)",
            name="previous_client_secret",
        ),
        CheckConstraint(
            "(previous_public_key_pem IS NULL) = (previous_public_key_until IS NULL)",
            name="previous_public_key",
        ),
        CheckConstraint(
            "(previous_allowed_sources IS NULL) = (previous_sources_until IS NULL)",
            name="previous_sources",
        ),
        # Two would show the same virtual accounts.
        Index("uq_bank_partners_company_code", "bank_code", "company_code", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    profile: Mapped[str]
    status: Mapped[PartnerStatus] = mapped_column(choice(PartnerStatus, "status"))
    # How a virtual account of this bank begins: the partnerServiceId without its padding.
    company_code: Mapped[str]
    # The bank's code in the payment system, such as 014: where an agent may hold an account.
    bank_code: Mapped[str]

    client_id: Mapped[str] = mapped_column(unique=True)
    client_secret = sealed_text()
    public_key_pem: Mapped[str]
    allowed_sources: Mapped[list[str]] = mapped_column(ARRAY(Text))
    # Those before them, which are valid too until these instants of real time.
    previous_client_secret = sealed_text(nullable=True)
    previous_client_secret_until: Mapped[datetime | None]
    previous_public_key_pem: Mapped[str | None]
    previous_public_key_until: Mapped[datetime | None]
    previous_allowed_sources: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    previous_sources_until: Mapped[datetime | None]
    # The answer to a repeated payment that the bank has signed off; None: none has been.
    replay_answer: Mapped[ReplayAnswer | None] = mapped_column(
        choice(ReplayAnswer, "replay_answer")
    )

    # Whether a payment counts at the bank's time of it, within limits; otherwise at its receipt.
    trust_bank_time: Mapped[bool] = mapped_column(default=True)
    # Whether money that no bill takes is kept in suspense; otherwise the payment is refused.
    keeps_refused_money: Mapped[bool] = mapped_column(default=False)

    # What its X-EXTERNAL-IDs consist of.
    external_id_format: Mapped[ExternalIdFormat] = mapped_column(
        choice(ExternalIdFormat, "external_id_format"),
        default=ExternalIdFormat.NUMERIC,
        server_default=ExternalIdFormat.NUMERIC.value,
    )

    base_url: Mapped[str | None]
    outbound_client_id: Mapped[str | None]
    outbound_client_secret = sealed_text(nullable=True)
    outbound_private_key_pem = sealed_text(nullable=True)
    x_partner_id: Mapped[str | None]
    channel_id: Mapped[str | None]

    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    status_changed_at: Mapped[datetime]
    status_changed_by: Mapped[UUID]
    changed_at: Mapped[datetime]
    changed_by: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    """Who registered, changed or suspended it since it was last active. They cannot activate it."""
    version: Mapped[int] = mapped_column(BigInteger)
    """Counts every change, so that an activation names what was read."""

    def describe(self) -> Snapshot:
        """Return what its history compares."""
        values: dict[str, object] = {name: getattr(self, name) for name in _DESCRIBED}
        values["allowed_sources"] = list(self.allowed_sources)
        values["public_key_sha256"] = hash_public_key(self.public_key_pem)
        for name in _ENDS:
            until: datetime | None = getattr(self, name)
            values[name] = None if until is None else until.isoformat()
        return Snapshot(
            partner_id=self.id,
            version=self.version,
            values=values,
            secrets={name: getattr(self, name) for name in _SECRETS},
        )

    def list_previous_ends(self) -> list[datetime]:
        """Return until when each of its previous credentials is or was valid."""
        ends: list[datetime | None] = [getattr(self, name) for name in _ENDS]
        return [until for until in ends if until is not None]
