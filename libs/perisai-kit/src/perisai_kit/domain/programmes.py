"""What several services know of BPU and Perisai: programmes, payers, sectors, payment methods.

Source: docs/domain.md, Programmes, Occupations and Becoming a Wadah.
"""

from enum import StrEnum

from perisai_kit.domain.errors import Invalid


class Programme(StrEnum):
    """In the order in which the law names them."""

    JKK = "jkk"  # work accident
    JKM = "jkm"  # death
    JHT = "jht"  # old age


MANDATORY = frozenset({Programme.JKK, Programme.JKM})


class Payer(StrEnum):
    SELF = "self"
    SPONSOR = "sponsor"
    GOVERNMENT = "government"  # from APBN or APBD


class Sector(StrEnum):
    """Of the main occupation; it decides the relief of contributions."""

    TRANSPORT = "transport"
    OTHER = "other"


class PaymentMethod(StrEnum):
    """Who is paid the incentives of agents: their wadah for all of them, or each agent.

    The agreement of a wadah is amended when it changes (Perban 1/2023 art. 11(8)).
    """

    WADAH = "wadah"
    AGENTS = "agents"


class IncomeBelowMinimum(Invalid):
    code = "income_below_minimum"
    text = "The declared monthly income is below the minimum."
    text_id = "Penghasilan bulanan yang dilaporkan di bawah batas minimum."


class MandatoryProgrammeMissing(Invalid):
    code = "mandatory_programme_missing"
    text = "JKK and JKM are mandatory."
    text_id = "Program JKK dan JKM wajib diikuti."


class JhtMandatory(Invalid):
    code = "jht_mandatory"
    text = "JHT is mandatory for a person who employs others."
    text_id = "Program JHT wajib bagi pemberi kerja."
