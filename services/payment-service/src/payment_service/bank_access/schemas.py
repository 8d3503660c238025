"""Calls of banks, once it is known whose they are."""

from datetime import datetime

from payment_service.bank_access.rules import PartnerClient, Refusal, Wire
from perisai_kit.http.types import RecordId
from snap_bi.codes import Service
from snap_bi.errors import BodyInvalid
from snap_bi.headers import TransactionHeaders
from snap_bi.messages import Echo
from snap_bi.records import record
from snap_bi.strict_json import parse_object
from snap_bi.verification import Step


@record(kw_only=True)
class Signed:
    """A message with a valid signature of its client. received_at: the real instant.

    late: why it would be refused although its signature is valid: its timestamp is too old, or its
    token has expired. It is then answered only if it repeats a settled payment.
    """

    id: RecordId
    service: Service
    client: PartnerClient
    wire: Wire
    headers: TransactionHeaders
    step: Step
    received_at: datetime
    late: Refusal | None = None


def echo_of(wire: Wire) -> Echo:
    """Return the ids that the body of a call names, as far as it can be read."""
    return read_echo(wire.body)


def read_echo(body: bytes) -> Echo:
    """Return the ids that a body names, as far as it can be read."""
    try:
        return Echo.of(parse_object(body))
    except BodyInvalid:
        return Echo()
