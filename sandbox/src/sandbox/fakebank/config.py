"""The partners of the bank, from a file that may appear or change at run time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, TypeAdapter

from sandbox.fakebank.errors import NoPartner, SeveralPartners
from snap_bi.keys import load_private_key, load_public_key
from snap_bi.outgoing import Sender
from snap_bi.profiles import PROFILES, PartnerIdKind, Profile


def _known(name: str) -> str:
    if name not in PROFILES:
        raise ValueError(f"one of {', '.join(PROFILES)}")
    return name


class PartnerEntry(BaseModel):
    """One partner in the file. `our_`: the platform's credentials at the bank."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    partner_id: str
    profile: Annotated[str, AfterValidator(_known)]
    company_code: str
    bank_code: str | None = None
    client_id: str
    client_secret: SecretStr
    private_key_file: Path
    our_public_key_file: Path
    our_client_id: str
    our_client_secret: SecretStr
    gateway_base_url: str


@dataclass(frozen=True)
class Partner:
    """A partner with its keys loaded on first use."""

    entry: PartnerEntry
    folder: Path

    @property
    def profile(self) -> Profile:
        return PROFILES[self.entry.profile]

    @cached_property
    def private_key(self) -> RSAPrivateKey:
        return load_private_key((self.folder / self.entry.private_key_file).read_bytes())

    @cached_property
    def our_public_key(self) -> RSAPublicKey:
        return load_public_key((self.folder / self.entry.our_public_key_file).read_bytes())

    @cached_property
    def sender(self) -> Sender:
        """How the bank signs towards us."""
        by_company = self.profile.partner_id_kind is PartnerIdKind.COMPANY_CODE
        return Sender(
            client_id=self.entry.client_id,
            partner_id=self.entry.company_code if by_company else self.entry.client_id,
            channel_id=self.profile.inbound_channel_id,
            secret=self.entry.client_secret.get_secret_value(),
            private_key=self.private_key,
        )


_ENTRIES = TypeAdapter(list[PartnerEntry])


class Partners:
    """The partners of the file, which is read again after a change."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._known: Sequence[Partner] = ()
        self.problem: str | None = None

    def all(self) -> Sequence[Partner]:
        """Return the present partners; an unreadable file keeps the last valid ones."""
        if self._path is None:
            self.problem = "PERISAI_FAKEBANK_CONFIG names no file"
            return self._known
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self.problem = "the file of PERISAI_FAKEBANK_CONFIG does not exist yet"
            return self._known
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._stamp = stamp
            self._load(self._path)
        return self._known

    def find(self, *, partner_id: str | None, virtual_account_no: str) -> Partner:
        """Return the named partner, or the partner with the company code of the number.

        Raises: NoPartner, SeveralPartners.
        """
        number = virtual_account_no.strip()
        matching = [
            partner
            for partner in self.all()
            if (partner_id is None and number.startswith(partner.entry.company_code))
            or partner.entry.partner_id == partner_id
        ]
        if not matching:
            raise NoPartner(self.problem)
        # Company codes may share a prefix: the longest match is used.
        longest = max(len(partner.entry.company_code) for partner in matching)
        meant = [one for one in matching if len(one.entry.company_code) == longest]
        if len(meant) > 1:
            raise SeveralPartners
        return meant[0]

    def _load(self, path: Path) -> None:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            entries = document["partners"] if isinstance(document, dict) else document
            found = _ENTRIES.validate_python(entries)
        except (ValueError, KeyError) as error:
            # Only the kinds of errors, because the values are secrets.
            self.problem = (
                f"the file of PERISAI_FAKEBANK_CONFIG is unusable: {type(error).__name__}"
            )
            return
        self._known = tuple(Partner(entry, path.parent) for entry in found)
        self.problem = None
