from typing import Annotated, Self

from pydantic import Field

from payment_service.bank_guides.rules import CLOCK_NOTE, Code, Guide, Sample
from perisai_kit.http.types import Out
from snap_bi.code_table import Words


class InBothLanguages(Out):
    english: Annotated[str, Field(description="In English.")]
    indonesia: Annotated[str, Field(description="In Indonesian.")]

    @classmethod
    def of(cls, words: Words) -> Self:
        """Return a text as it is shown."""
        return cls(english=words.english, indonesia=words.indonesia)


class SampleRequestOut(Out):
    service: Annotated[str, Field(description="Of the standard: 73 for a token, 24, or 25.")]
    method: Annotated[str, Field(description="HTTP method.")] = "POST"
    path: Annotated[str, Field(description="Path at our public address.")]
    headers: Annotated[
        dict[str, str],
        Field(description="Headers by name; what stands in `<…>` is yours to fill in."),
    ]
    body: Annotated[str, Field(description="The exact bytes of the body, minified, as text.")]
    body_hash: Annotated[
        str | None,
        Field(description="SHA-256 of the minified body in hex; null where it is not signed."),
    ]
    string_to_sign: Annotated[
        str, Field(description="What is signed; `<accessToken>` stands for your token.")
    ]
    signature: Annotated[
        str | None,
        Field(
            description="In a sandbox, HMAC-SHA512 of exactly this `string_to_sign` with the "
            "partner's client secret, to compare your own code with. Otherwise null."
        ),
    ]
    command: Annotated[
        str,
        Field(
            description="The same for bash, to copy: it signs a present timestamp with openssl and "
            "sends it with curl. Set GATEWAY, our public address; PRIVATE_KEY_FILE, your RSA key; "
            "CLIENT_SECRET, and TOKEN, the accessToken of service 73, where the string has one."
        ),
    ]
    response_code: Annotated[
        str,
        Field(
            description="SNAP code of the answer when all is right. The sample's virtual account "
            "is nobody's, so that nothing is paid."
        ),
    ]

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Return a sample as it is shown."""
        return cls(
            service=sample.service,
            path=sample.path,
            headers=sample.headers,
            body=sample.body,
            body_hash=sample.body_hash,
            string_to_sign=sample.string_to_sign,
            signature=sample.signature,
            command=sample.command,
            response_code=sample.response_code,
        )


class SnapCodeOut(Out):
    service: Annotated[str, Field(description="Of the standard: 73 for a token, 24, or 25.")]
    http_status: Annotated[int, Field(description="HTTP status of the answer.")]
    response_code: Annotated[
        str, Field(description="responseCode; empty where the answer has no body.")
    ]
    response_message: Annotated[
        str, Field(description="responseMessage; a field's name may follow it.")
    ]
    meaning: Annotated[InBothLanguages, Field(description="What it means here.")]
    action: Annotated[InBothLanguages, Field(description="What the bank does then.")]

    @classmethod
    def of(cls, code: Code) -> Self:
        """Return a code as it is shown."""
        return cls(
            service=code.service,
            http_status=code.http_status,
            response_code=code.response_code,
            response_message=code.response_message,
            meaning=InBothLanguages.of(code.answered.meaning),
            action=InBothLanguages.of(code.answered.action),
        )


class SnapClockOut(Out):
    now: Annotated[str, Field(description="Our real time, as X-TIMESTAMP of this bank has it.")]
    skew_s: Annotated[int, Field(description="Seconds that X-TIMESTAMP may differ from it.")]
    note: Annotated[InBothLanguages, Field(description="Which times of SNAP BI are real time.")]


class IntegrationGuideOut(Out):
    profile: Annotated[str, Field(description="How the bank speaks SNAP BI.")]
    clock: Annotated[SnapClockOut, Field(description="The clock that requests are checked by.")]
    samples: Annotated[
        list[SampleRequestOut], Field(description="A token request, an inquiry, a payment flag.")
    ]
    codes: Annotated[
        list[SnapCodeOut], Field(description="The codes of our answers, by service and code.")
    ]

    @classmethod
    def of(cls, guide: Guide) -> Self:
        """Return a guide as it is shown."""
        note = InBothLanguages.of(CLOCK_NOTE)
        return cls(
            profile=guide.profile.name,
            clock=SnapClockOut(now=guide.now, skew_s=guide.profile.skew_s, note=note),
            samples=[SampleRequestOut.of(each) for each in guide.samples],
            codes=[SnapCodeOut.of(each) for each in guide.codes],
        )
