from typing import Annotated

from pydantic import Field, SecretStr, StrictBool, StringConstraints

from gateway.accounts.schemas import NewPassword, Reason
from gateway.passwords import PASSWORD_MAX
from perisai_kit.http.types import Model, Out

GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=PASSWORD_MAX)]
TotpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class PasswordReset(Model):
    password: NewPassword
    remove_totp: StrictBool = False
    reason: Reason


class PasswordChange(Model):
    current_password: GivenPassword
    new_password: NewPassword


class TotpPreparation(Model):
    current_password: GivenPassword


class TotpConfirmation(Model):
    code: TotpCode


class TotpRemoval(Model):
    current_password: GivenPassword
    code: TotpCode


class TotpSecretOut(Out):
    secret: str = Field(description="Base32, for an authenticator app.")
    uri: str
