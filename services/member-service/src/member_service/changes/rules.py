"""Which facts one person may change at once, and which need a confirmation."""

from perisai_kit.domain.errors import Forbidden

SENSITIVE = ("full_name", "birth_date", "sex", "phone", "occupations", "payer")
"""Facts that decide identity, sign-in or the contribution. One person alone cannot change them."""
CONTRIBUTION_FIELDS = frozenset({"declared_income", "programmes", "employs_others", "occupations"})
NAMED_FIELDS = frozenset({"full_name", "phone"})
"""What a member is found by, besides the NIK, which never changes."""
BIRTH_FIELDS = frozenset({"birth_date", "sex"})


class ConfirmationRequired(Forbidden):
    """`details["fields"]` names the sensitive ones."""

    code = "confirmation_required"
    text = (
        "Name, date of birth, sex, telephone, occupations and payer change only when the member "
        "or two officers confirm it. Propose a correction at /v1/members/{id}/corrections."
    )
    text_id = (
        "Nama, tanggal lahir, jenis kelamin, telepon, pekerjaan, dan pembayar iuran hanya berubah "
        "jika disetujui peserta atau dua petugas. Ajukan di /v1/members/{id}/corrections."
    )


class AgentsOwnRecord(Forbidden):
    code = "agents_own_record"
    text = "This member is an agent. Only the branch changes this record."
    text_id = "Peserta ini adalah agen. Hanya kantor cabang yang dapat mengubah datanya."
