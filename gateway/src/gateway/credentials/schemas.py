from typing import Annotated

from pydantic import (
    Field,
    StrictBool,
    StringConstraints,
)

from gateway.accounts.schemas import NewPassword, Reason
from gateway.passwords import PASSWORD_MAX
from perisai_kit.http.types import Model, Out, SecretText, with_example

GivenPassword = Annotated[SecretText, Field(min_length=1, max_length=PASSWORD_MAX)]
TotpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class PasswordReset(Model):
    model_config = with_example(
        password="four unusual plain words", remove_totp=True, reason="Lost telephone."
    )

    password: Annotated[NewPassword, Field(description="New password; at least 12 characters.")]
    remove_totp: Annotated[
        StrictBool, Field(description="Also turn the authenticator app off.")
    ] = False
    reason: Reason


class PasswordChange(Model):
    model_config = with_example(
        current_password="four unusual plain words", new_password="other unusual plain words"
    )

    current_password: Annotated[GivenPassword, Field(description="The password that is valid now.")]
    new_password: Annotated[NewPassword, Field(description="New password; at least 12 characters.")]


class TotpPreparation(Model):
    model_config = with_example(current_password="four unusual plain words")

    current_password: Annotated[GivenPassword, Field(description="The password that is valid now.")]


class TotpConfirmation(Model):
    model_config = with_example(code="123456")

    code: Annotated[TotpCode, Field(description="Six digits from the authenticator app.")]


class TotpRemoval(Model):
    model_config = with_example(current_password="four unusual plain words", code="123456")

    current_password: Annotated[GivenPassword, Field(description="The password that is valid now.")]
    code: Annotated[TotpCode, Field(description="Six digits from the authenticator app.")]


class TotpSecretOut(Out):
    secret: str = Field(description="Base32, for an authenticator app.")
    uri: Annotated[
        str, Field(description="The secret as `otpauth://` address, to show as a QR code.")
    ]
