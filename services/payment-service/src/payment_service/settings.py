"""This service's own variables, beside those every service has."""

from ipaddress import ip_network
from typing import Annotated, Literal

from fastapi import Depends, Request
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from perisai_kit.runtime.settings import CommaSeparated, Networks, ServiceSettings, shared


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PERISAI_PAYMENT_")

    service: str = "payment-service"
    agent_url: str = shared("PERISAI_AGENT_URL")
    member_url: str = shared("PERISAI_MEMBER_URL")

    bill_valid_h: int = Field(default=168, ge=1, le=8784)
    """How long a bill can be paid, in hours. No law or source found says; 168 is our choice."""
    bill_late_notice_h: int = Field(default=24, ge=0, le=720)
    """How long an expired bill still takes a bank's late report of a payment made in time. Ours."""
    bank_time_tolerance_min: int = Field(default=10, ge=0, le=60)
    """How many minutes a bank's time of a payment may lie before the issue of the bill or after the
    receipt. It is moved into that span; one further off does not count. Ours."""
    advance_months: int = Field(default=12, ge=1, le=24)
    """How far ahead of the present month a bill may reach: a whole year at once is sold."""
    jht_mandatory_for_employers: bool = True
    """Permenaker 5/2021 art. 31-32 by one source only; see docs/domain.md, Programmes."""

    month_close_after_h: int = Field(default=24, ge=0, le=744)
    """Hours after the end of a month from which it may be closed: as long as a bank may still tell
    late of a payment. Ours; the handbook only says that incentives come by the 5th."""

    scheme_max_share_bps: int = Field(default=3_000, ge=0, le=10_000)
    """The most a commission scheme may pay of a contribution, to agent and wadah together, in basis
    points. Ours: the schemes found paid 16.5 % at most, and a slip of the pen is ten times that."""
    scheme_max_acquisition: int = Field(default=1_000_000, ge=0, le=10**9)
    """The most it may pay for a new member, or for a month of them, in rupiah. Ours: the scheme of
    2017 paid 500,000 a month."""

    bonus_review_from: int = Field(default=5, ge=1, le=100_000)
    """So many flagged acquisitions of an agent's month open a review of its acquisition bonus.
    Ours: fewer are a household or a coincidence."""

    new_bank_days: int = Field(default=7, ge=1, le=366)
    """For so many days after the first payment of a bank partner its payments raise an alarm. No
    source found says; ours."""
    new_bank_window_h: int = Field(default=24, ge=1, le=744)
    """Hours that the alarm looks back. Ours: each day somebody looks."""

    credential_warning_days: int = Field(default=7, ge=1, le=90)
    """For so many days before its end a previous credential of a bank raises an alarm. Ours: a bank
    needs days to change its systems."""

    dispute_answer_days: int = Field(default=14, ge=1, le=366)
    """Days within which an officer answers a dispute. No source found says; ours."""

    payout_daily_cap: int = Field(default=5_000_000_000, ge=1, le=10**15)
    """The most rupiah sent from one account of ours on a Jakarta day, unless the account says
    otherwise. No bank's or office's limit was found; ours."""
    payout_transfer_max: int = Field(default=250_000_000, ge=1, le=10**15)
    """The same for one transfer. Not found; ours: agents earn far less in a month."""
    payout_batch_max: int = Field(default=1_000, ge=1, le=10_000)
    """The same for the payouts of one run. Not found; ours."""
    payout_cut_off: str = Field(default="15:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
    """The same for the Jakarta time after which nothing is sent on that day. Not found; ours."""
    payout_due_day: int = Field(default=5, ge=1, le=28)
    """The day of the following month by which incentives are paid: the 5th, by one source [S10]."""
    payout_alarm_days: int = Field(default=2, ge=0, le=27)
    """From how many days before that day unpaid statements raise an alarm. Ours."""
    payout_send_batch: int = Field(default=50, ge=1, le=1_000)
    """So many transfers of one account are ordered in a round of the worker. Ours."""
    payout_jobs: int = Field(default=4, ge=2, le=50)
    """Jobs that a worker runs at once. Ours; no limit of a bank was found."""
    payout_repeat_max: int = Field(default=5, ge=0, le=20)
    """How often a transfer that the bank was too busy for is tried again by itself. Ours."""
    payout_check_names: bool = False
    """Whether the holder is asked before every transfer, and not only where the bank requires it.
    Ours: holders were confirmed when the account was registered."""
    payout_window_h: int = Field(default=24, ge=1, le=744)
    """Hours after which a bank that does not know a transfer will not process it any more. No
    bank's was found; ours, and only together with a statement without the debit."""
    payout_statement_after_h: int = Field(default=24, ge=1, le=744)
    """Hours after which a transfer without a clear status is looked for in the bank statement too:
    the next day, as docs/snap.md 4.5 says."""
    payout_decision_after_h: int = Field(default=72, ge=1, le=744)
    """Hours after which two officers may settle what is still unknown. Ours."""
    payout_return_days: int = Field(default=7, ge=0, le=31)
    """Days back whose bank statement is read again for payouts that were given back, whenever they
    were sent. Ours: more than the worker is ever down; a statement goes back 31 days."""
    treasury_bank_code: str = ""
    """Code of the bank of the state's account for taxes. Empty: no tax can be paid from here."""
    treasury_account_no: str = ""
    """Number of that account. Not found in any source; the tax office or the bank names it."""
    treasury_holder_name: str = "Kas Negara"
    """Holder of that account, as it stands in the upload file."""

    tax_agent_through_wadah: Literal["platform", "wadah"] = "platform"
    """Who withholds the PPh 21 of an agent paid through the wadah: `platform` or `wadah`. Not
    found; ours, because this platform knows what each agent earns. See docs/tax.md for all."""
    tax_wadah_entity: Literal["pph21", "pph23", "none"] = "pph23"
    """The tax of a wadah that is a legal entity. Our own knowledge, no source found."""
    tax_wadah_person: Literal["pph21", "pph23", "none"] = "pph21"
    """The tax of a wadah that is no legal entity. Not found; ours: as that of a person."""
    tax_unknown_is_no_npwp: bool = True
    """Whether an unknown tax identity is taxed at the higher rate. Not found; ours: yes."""
    tax_nik_serves: bool = True
    """Whether a valid NIK serves as NPWP (PENG-6/PJ.09/2024), by one source only."""
    tax_base_unit: Literal[1, 1000] = 1
    """Rupiah to which the base of PPh 21 is rounded down, 1 or 1000. Not found; ours."""

    designated_banks: CommaSeparated = ()
    """Codes of the banks agents may be paid at, by comma. No current official list was found (see
    docs/domain.md, Requirements): when empty, the active bank partners are the designated ones."""
    trusted_proxies: Networks = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    """Networks whose X-Forwarded-For is believed: where the gateway is. This machine by default."""
    generic_plans: bool = True
    """Whether the writers of banks' messages plan their statements once. Citus cannot execute such
    plans: docs/scale.md."""
    partner_cache_s: float = Field(default=1.0, ge=0, le=60)
    """How long a process may go without looking whether a known bank partner has changed."""
    bank_timeout_s: float = Field(default=10.0, gt=0, le=60)
    """How long we wait for a bank's answer to a call of ours."""


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.kit.settings
    return settings


Config = Annotated[Settings, Depends(_settings)]
