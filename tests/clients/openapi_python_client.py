"""Sign in and list accounts with the client of openapi-python-client."""

import json
import os
import sys

from perisai_client import AuthenticatedClient, Client
from perisai_client.api.administration import accounts_list
from perisai_client.api.sign_in import auth_create_token
from perisai_client.models import AccountPage, PasswordGrant, Problem, Token


def main() -> None:
    address = os.environ["PERISAI_URL"]
    grant = PasswordGrant(
        grant_type="password",
        username=os.environ["PERISAI_USERNAME"],
        password=os.environ["PERISAI_PASSWORD"],
    )
    anonymous = Client(base_url=address)
    signed_in = auth_create_token.sync(client=anonymous, body=grant)
    assert isinstance(signed_in, Token)
    client = AuthenticatedClient(base_url=address, token=signed_in.access_token)
    listed = accounts_list.sync(client=client, limit=10)
    assert isinstance(listed, AccountPage)
    refused = accounts_list.sync(client=anonymous)
    assert isinstance(refused, Problem)
    found = {
        "names": [account.username for account in listed.items],
        "roles": [role for account in listed.items for role in account.roles],
        "refused": refused.code,
    }
    sys.stdout.write(json.dumps(found) + "\n")


main()
