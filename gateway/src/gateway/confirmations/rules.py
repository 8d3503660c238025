"""Codes that confirm a change of a member's record, sent to the member's present telephone."""

from perisai_kit.domain.errors import Conflict


class PhoneOfAgent(Conflict):
    """An agent would confirm their own change: the number of the member is that of an agent."""

    code = "phone_of_agent"
    text = (
        "This telephone number is an agent's, so no code is sent to it. Ask the branch: two "
        "officers decide."
    )
    text_id = (
        "Nomor telepon ini milik agen, jadi kode tidak dikirim. Tanyakan ke kantor cabang: "
        "diputuskan oleh dua petugas."
    )
