"""Sample requests of a bank, and the codes of our answers to it."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from snap_bi.code_table import ANSWERED, SILENT, UNKNOWN_SENDER, Answered, Words
from snap_bi.codes import Case, Service, format_response_code
from snap_bi.minify import hash_body
from snap_bi.profiles import DoubtAnswer, PartnerIdKind, Profile
from snap_bi.signing import (
    build_asymmetric_string_to_sign,
    build_symmetric_string_to_sign,
    build_token_string_to_sign,
    encode_signature,
    sign_symmetric,
)
from snap_bi.timestamps import TimestampFormat, format_timestamp
from snap_bi.virtual_account import VirtualAccount, build_customer_no

TOKEN = "<accessToken>"
SIGNATURE = "<signature>"
AMOUNT = {"value": "28400.00", "currency": "IDR"}
CLOCK_NOTE = Words(
    "X-TIMESTAMP, tokens and the day of an X-EXTERNAL-ID follow real time, also in a sandbox whose "
    "clock was moved. Bills and payments follow the sandbox's clock.",
    "X-TIMESTAMP, token, dan hari X-EXTERNAL-ID memakai waktu nyata, juga di sandbox yang jamnya "
    "digeser. Tagihan dan pembayaran memakai jam sandbox.",
)
_ENDINGS = {
    Service.ACCESS_TOKEN: "/access-token/b2b",
    Service.INQUIRY: "/transfer-va/inquiry",
    Service.PAYMENT: "/transfer-va/payment",
}
_DATE_FORMATS = {
    TimestampFormat.SECONDS: "TZ=WIB-7 date +%Y-%m-%dT%H:%M:%S+07:00",
    TimestampFormat.MILLISECONDS: "TZ=WIB-7 date +%Y-%m-%dT%H:%M:%S.000+07:00",
    TimestampFormat.UTC_SECONDS: "date -u +%Y-%m-%dT%H:%M:%SZ",
    TimestampFormat.UTC_MILLISECONDS: "date -u +%Y-%m-%dT%H:%M:%S.000Z",
}
_RSA = 'openssl dgst -sha256 -sign "$PRIVATE_KEY_FILE" | base64 | tr -d "\\n"'
_HMAC = 'openssl dgst -sha512 -hmac "$CLIENT_SECRET" -binary | base64 | tr -d "\\n"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The bank's side of its requests to us. secret: in a sandbox only, to sign samples with."""

    profile: Profile
    client_id: str
    company_code: str
    secret: str | None

    @property
    def partner_id(self) -> str:
        """X-PARTNER-ID, as banks of this profile send it."""
        by_company = self.profile.partner_id_kind is PartnerIdKind.COMPANY_CODE
        return self.company_code if by_company else self.client_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A request of a bank as an example. body_hash: None where the body is not signed."""

    service: Service
    path: str
    headers: dict[str, str]
    body: str
    body_hash: str | None
    string_to_sign: str
    signature: str | None
    command: str
    response_code: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code of an answer. response_code: empty for an answer without a body."""

    service: Service
    http_status: int
    response_code: str
    response_message: str
    answered: Answered


@dataclass(frozen=True, slots=True)
class Guide:
    """What a bank's engineer needs. now: real time, as X-TIMESTAMP of this bank has it."""

    profile: Profile
    now: str
    samples: tuple[Sample, ...]
    codes: tuple[Code, ...]


def make_guide(client: Client, *, at: datetime) -> Guide:
    """Return the guide of a bank. at: real time."""
    now = format_timestamp(at, client.profile.timestamp_format)
    codes = tuple(list_codes(client.profile))
    return Guide(client.profile, now, make_samples(client, timestamp=now), codes)


def make_samples(client: Client, *, timestamp: str) -> tuple[Sample, ...]:
    """Return a request for a token, an inquiry and a payment flag, as this bank would sign them.

    timestamp: of real time. The virtual account is nobody's, so nothing can be paid with a sample.
    """
    bodies = {
        service: _make_body(client, service, timestamp)
        for service in (Service.INQUIRY, Service.PAYMENT)
    }
    return (
        _make_token_request(client, timestamp),
        *(_make_transaction(client, each, bodies[each], timestamp) for each in bodies),
    )


def list_codes(profile: Profile) -> list[Code]:
    """Return the codes that a bank of this profile may get, by service and code."""
    answered = ANSWERED
    if not profile.needs_token:
        others = (each for each in ANSWERED if each.case is not UNKNOWN_SENDER.case)
        answered = (*others, UNKNOWN_SENDER)
    found = [_make_code(each, service) for each in answered for service in each.services]
    if profile.doubt_answer is DoubtAnswer.EMPTY_504:
        doubt = format_response_code(Service.PAYMENT, Case.GENERAL_ERROR)
        found = [each for each in found if each.response_code != doubt]
        found.append(Code(Service.PAYMENT, SILENT.case.http_status, "", "", SILENT))
    return sorted(found, key=lambda each: (each.service, each.http_status, each.response_code))


def _make_code(answered: Answered, service: Service) -> Code:
    case = answered.case
    code = format_response_code(service, case)
    return Code(service, case.http_status, code, case.message(answered.detail), answered)


def _make_token_request(client: Client, timestamp: str) -> Sample:
    service = Service.ACCESS_TOKEN
    path, body = (
        client.profile.public_prefix + _ENDINGS[service],
        _write({"grantType": "client_credentials"}),
    )
    text = build_token_string_to_sign(client_id=client.client_id, timestamp=timestamp)
    headers = {
        "Content-Type": "application/json",
        "X-TIMESTAMP": timestamp,
        "X-CLIENT-KEY": client.client_id,
        "X-SIGNATURE": SIGNATURE,
    }
    lines = [
        *_begin(client, body),
        f'STRING_TO_SIGN={shlex.quote(client.client_id)}"|$TIMESTAMP"',
        f'SIGNATURE=$(printf %s "$STRING_TO_SIGN" | {_RSA})',
        *_call(path, headers),
    ]
    return Sample(
        service=service,
        path=path,
        headers=headers,
        body=body,
        body_hash=None,
        string_to_sign=text,
        signature=None,
        command="\n".join(lines),
        response_code=format_response_code(service, Case.SUCCESSFUL),
    )


def _make_transaction(client: Client, service: Service, body: str, timestamp: str) -> Sample:
    profile = client.profile
    path = profile.public_prefix + _ENDINGS[service]
    hashed = hash_body(body.encode())
    text = _build_string(profile, path, token=TOKEN, hashed=hashed, timestamp=timestamp)
    signature = None
    if profile.needs_token and client.secret is not None:
        signature = encode_signature(
            sign_symmetric(text, client.secret), profile.signature_encoding
        )
    headers = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {TOKEN}"} if profile.needs_token else {}),
        "X-TIMESTAMP": timestamp,
        "X-SIGNATURE": signature or SIGNATURE,
        "X-PARTNER-ID": client.partner_id,
        "X-EXTERNAL-ID": "".join(filter(str.isdigit, timestamp)),
        "CHANNEL-ID": profile.inbound_channel_id,
    }
    in_shell = _build_string(
        profile, path, token="$TOKEN", hashed="$BODY_HASH", timestamp="$TIMESTAMP"
    )
    tool = _HMAC if profile.needs_token else _RSA
    lines = [
        *_begin(client, body),
        "BODY_HASH=$(printf %s \"$BODY\" | openssl dgst -sha256 -r | cut -d' ' -f1)",
        f'STRING_TO_SIGN="{in_shell}"',
        f'SIGNATURE=$(printf %s "$STRING_TO_SIGN" | {tool})',
        *_call(path, headers),
    ]
    return Sample(
        service=service,
        path=path,
        headers=headers,
        body=body,
        body_hash=hashed,
        string_to_sign=text,
        signature=signature,
        command="\n".join(lines),
        response_code=format_response_code(service, Case.INVALID_BILL),
    )


def _build_string(profile: Profile, path: str, *, token: str, hashed: str, timestamp: str) -> str:
    if not profile.needs_token:
        return build_asymmetric_string_to_sign(
            method="POST", endpoint=path, body_hash=hashed, timestamp=timestamp
        )
    return build_symmetric_string_to_sign(
        method="POST", endpoint=path, token=token, body_hash=hashed, timestamp=timestamp
    )


def _make_body(client: Client, service: Service, timestamp: str) -> str:
    account = VirtualAccount(client.company_code, _make_unused_number(client.profile))
    message: dict[str, object] = {
        "partnerServiceId": account.partner_service_id,
        "customerNo": account.customer_no,
        "virtualAccountNo": account.padded,
        "channelCode": 6011,
    }
    request_id = f"SAMPLE-{''.join(filter(str.isdigit, timestamp))}"
    if service is Service.INQUIRY:
        return _write({**message, "inquiryRequestId": request_id, "txnDateInit": timestamp})
    return _write(
        {
            **message,
            "virtualAccountName": "SAMPLE",
            "paymentRequestId": request_id,
            "paidAmount": AMOUNT,
            "totalAmount": AMOUNT,
            "trxDateTime": timestamp,
            "referenceNo": "SAMPLE",
            "flagAdvise": "N",
        }
    )


def _make_unused_number(profile: Profile) -> str:
    """Return a customer number that no bill can have, because its check digit is wrong."""
    number = build_customer_no(0, profile)
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def _write(message: dict[str, object]) -> str:
    return json.dumps(message, separators=(",", ":"))


def _begin(client: Client, body: str) -> Iterator[str]:
    yield f"TIMESTAMP=$({_DATE_FORMATS[client.profile.timestamp_format]})"
    yield f"BODY={shlex.quote(body)}"


def _call(path: str, headers: dict[str, str]) -> Iterator[str]:
    """Yield the lines that send $BODY, with what the shell has made in place of the sample's."""
    made = {
        "X-TIMESTAMP": "$TIMESTAMP",
        "X-SIGNATURE": "$SIGNATURE",
        "Authorization": "Bearer $TOKEN",
        "X-EXTERNAL-ID": "$(date +%s%N)",
    }
    yield f'curl -sS "$GATEWAY{path}" --data-raw "$BODY" \\'
    lines = [f'  -H "{name}: {made.get(name, value)}"' for name, value in headers.items()]
    yield " \\\n".join(lines)
