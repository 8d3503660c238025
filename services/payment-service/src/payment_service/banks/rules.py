"""What is true of bank partners."""

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from perisai_kit.auth.principal import Principal, Role
from perisai_kit.domain.errors import Conflict, Forbidden, Invalid, NotFound
from perisai_kit.domain.names import is_same_name
from snap_bi.errors import KeyRefused
from snap_bi.keys import load_public_key
from snap_bi.profiles import PARTNER_SERVICE_ID_LENGTH, PROFILES, Profile, ReplayAnswer

CUSTOMER_NO_LENGTH = 20
"""The standard's longest. Source: docs/snap.md, service 24."""


class PartnerStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class NameOutcome(StrEnum):
    """What a bank said about an account, and nothing more of it."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"
    UNKNOWN = "unknown"


class BankPartnerNotFound(NotFound):
    code = "bank_partner_not_found"
    text = "There is no such bank partner."
    text_id = "Bank mitra tidak ditemukan."


class BankPartnerStatusConflict(Conflict):
    code = "bank_partner_status"
    text = "The status of the bank partner does not allow this."
    text_id = "Status bank mitra saat ini tidak memungkinkan tindakan ini."


class BankPartnerActive(Conflict):
    code = "bank_partner_active"
    text = (
        "This bank partner is active. Suspend it, change it, and ask another person to activate it."
    )
    text_id = (
        "Bank mitra ini sedang aktif. Tangguhkan dahulu, ubah, lalu minta orang lain "
        "mengaktifkannya."
    )


class OwnBankPartner(Forbidden):
    code = "own_bank_partner"
    text = (
        "You registered, changed or suspended this bank partner. Ask another person to activate it."
    )
    text_id = (
        "Anda yang mendaftarkan, mengubah, atau menangguhkan bank mitra ini. Minta orang lain "
        "mengaktifkannya."
    )


class ReplayAnswerUnsigned(Conflict):
    code = "replay_answer_unsigned"
    text = (
        "The bank has not approved the answer to a repeated payment yet. Record its approval first."
    )
    text_id = (
        "Bank belum menyetujui jawaban untuk pembayaran berulang. Catat persetujuannya "
        "terlebih dahulu."
    )


class ReplayAnswerHarmful(Conflict):
    code = "replay_answer_harmful"
    text = (
        "This bank refunds the customer after this answer to a repeated payment. Choose "
        "another answer."
    )
    text_id = (
        "Bank ini mengembalikan uang nasabah jika pembayaran berulang dijawab begini. Pilih "
        "jawaban lain."
    )


class BankNotCallable(Conflict):
    code = "bank_not_callable"
    text = "The connection to this bank is not configured yet. Register its address and keys first."
    text_id = "Koneksi ke bank ini belum diatur. Daftarkan alamat dan kuncinya terlebih dahulu."


class VirtualAccountForeign(Invalid):
    code = "virtual_account_foreign"
    text = "This is not a virtual account of ours at this bank."
    text_id = "Nomor ini bukan virtual account kami di bank ini."


class BankProfileUnknown(Invalid):
    code = "bank_profile_unknown"
    text = "There is no bank profile with this name."
    text_id = "Tidak ada profil bank dengan nama ini."


class BankKeyUnusable(Invalid):
    code = "bank_key_unusable"
    text = "The key must be an RSA key of at least 2048 bits in PEM format."
    text_id = "Kunci harus berupa kunci RSA minimal 2048 bit dalam format PEM."


class SourceUnusable(Invalid):
    code = "source_unusable"
    text = "The source must be an address or a network, such as 203.0.113.0/28."
    text_id = "Sumber harus berupa alamat IP atau jaringan, misalnya 203.0.113.0/28."


class BankAddressUnusable(Invalid):
    code = "bank_address_unusable"
    text = "The address of the bank must begin with https:// and have no user, query or fragment."
    text_id = "Alamat bank harus diawali https:// tanpa nama pengguna, query, atau fragment."


class BankAddressInner(Invalid):
    code = "bank_address_inner"
    text = "The address of the bank is not on the Internet. Enter the public host name of the bank."
    text_id = "Alamat bank ini tidak ada di internet. Isi nama host publik milik bank."


class OutboundIncomplete(Invalid):
    code = "outbound_incomplete"
    text = "This bank verifies our requests with a secret. Enter the secret."
    text_id = "Bank ini memeriksa permintaan kami dengan kunci rahasia. Isi kunci rahasianya."


class CompanyCodeTaken(Conflict):
    code = "company_code_taken"
    text = "There is a partner with this bank code and company code already."
    text_id = "Sudah ada mitra dengan kode bank dan kode perusahaan ini."


class ClientIdTaken(Conflict):
    code = "client_id_taken"
    text = "Another bank partner has this client id."
    text_id = "ID klien ini sudah dipakai bank mitra lain."


_NEXT: dict[PartnerStatus, frozenset[PartnerStatus]] = {
    PartnerStatus.DRAFT: frozenset({PartnerStatus.ACTIVE, PartnerStatus.SUSPENDED}),
    PartnerStatus.ACTIVE: frozenset({PartnerStatus.SUSPENDED}),
    PartnerStatus.SUSPENDED: frozenset({PartnerStatus.ACTIVE}),
}


def find_profile(name: str) -> Profile:
    """Return the profile with this name. Raises: BankProfileUnknown."""
    profile = PROFILES.get(name)
    if profile is None:
        raise BankProfileUnknown(field="profile", known=sorted(PROFILES))
    return profile


def check_replay_answer(answer: ReplayAnswer | None, profile: Profile) -> None:
    """Refuse an answer after which the bank refunds the customer. Raises: ReplayAnswerHarmful."""
    if answer is not None and not profile.is_read_as_paid(answer):
        raise ReplayAnswerHarmful(field="replay_answer")


def hash_public_key(pem: str) -> str | None:
    """Return the SHA-256 of a key's SubjectPublicKeyInfo in hex; None for what is no key.

    It is what `openssl pkey -pubin -outform DER | sha256sum` shows of the bank's letter.
    """
    try:
        key = load_public_key(pem)
    except KeyRefused:
        return None
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def compare_holder(
    *, asked_no: str, asked_name: str, found_no: str | None, found_name: str
) -> NameOutcome:
    """Return what a bank's answer says about the holder of an account. found_no: if it has one."""
    if found_no not in (None, asked_no):
        return NameOutcome.UNKNOWN
    return NameOutcome.MATCH if is_same_name(asked_name, found_name) else NameOutcome.MISMATCH


def check_public_key(pem: str) -> None:
    """Refuse what is no RSA key of sufficient length. Raises: BankKeyUnusable."""
    try:
        load_public_key(pem)
    except KeyRefused:
        raise BankKeyUnusable(field="public_key_pem") from None


def check_move(*, at: PartnerStatus, to: PartnerStatus) -> None:
    """Refuse a move that the partner's status does not allow.

    Raises: BankPartnerStatusConflict.
    """
    if to not in _NEXT[at]:
        raise BankPartnerStatusConflict(status=at.value)


def check_reader(reader: Principal, partner_id: UUID) -> None:
    """Refuse a bank's engineer the partner of another bank, as if there were none.

    Raises: BankPartnerNotFound.
    """
    if reader.has(Role.BANK_ENGINEER) and reader.bank_partner_id != partner_id:
        raise BankPartnerNotFound


def check_change(at: PartnerStatus) -> None:
    """Refuse a change of a partner that takes payments, because one person would decide alone.

    Raises: BankPartnerActive.
    """
    if at is PartnerStatus.ACTIVE:
        raise BankPartnerActive


def check_activation(at: PartnerStatus, *, changed_by: Collection[UUID], by: UUID) -> None:
    """Refuse an activation by somebody whose own acts it would confirm.

    Raises: BankPartnerStatusConflict, OwnBankPartner.
    """
    check_move(at=at, to=PartnerStatus.ACTIVE)
    if by in changed_by:
        raise OwnBankPartner


def customer_no(number: str, *, company_code: str) -> str:
    """Return what follows the company code in a virtual account number.

    The code may be padded with zeros, as some banks show it.
    Raises: VirtualAccountForeign.
    """
    padded = company_code.zfill(PARTNER_SERVICE_ID_LENGTH)
    # No customer number begins with a zero, so zeros in front are padding.
    code = padded if number.startswith(padded) else company_code
    rest = number.removeprefix(code)
    if rest == number or not 0 < len(rest) <= CUSTOMER_NO_LENGTH:
        raise VirtualAccountForeign(field="virtual_account_no")
    return rest


@dataclass(frozen=True, slots=True)
class Sources:
    """The addresses a partner may call from; none named means from anywhere."""

    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def admit(self, address: str | None) -> bool:
        """Tell whether calls from `address` are admitted; an unreadable address is not."""
        if not self.networks:
            return True
        try:
            parsed = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self.networks)


def sources(texts: Iterable[str]) -> Sources:
    """Return the networks that CIDR texts name; a bare address is a network of one.

    Raises: SourceUnusable.
    """
    networks = []
    for place, text in enumerate(texts):
        try:
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise SourceUnusable(field=f"allowed_sources.{place}") from None
    return Sources(tuple(networks))


def is_designated(bank_code: str, *, listed: Sequence[str], active: Iterable[str]) -> bool:
    """Tell whether agents may be paid at this bank.

    listed: the configured codes; when there are none, the active partners' codes count, for no
    current official list of designated banks was found (docs/domain.md).
    """
    return bank_code in (listed or tuple(active))
