from typing import Annotated

from pydantic import Field, SecretStr, StrictBool, StringConstraints

from gateway.passwords import PASSWORD_MAX, PASSWORD_MIN
from perisai_kit.fields import Model, Out

NewPassword = Annotated[SecretStr, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX)]
GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=PASSWORD_MAX)]
TotpCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class PasswordReset(Model):
    password: NewPassword
    remove_totp: StrictBool = False


class PasswordChange(Model):
    current_password: GivenPassword
    new_password: NewPassword


class TotpIn(Model):
    code: TotpCode


class TotpOut(Out):
    secret: str = Field(description="Base32, for an authenticator app.")
    uri: str
