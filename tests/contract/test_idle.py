"""An idle platform is idle: no task asks the database often for work that rarely comes."""

from gateway.clients.notice_sender import Channels
from gateway.notices.service import Outbox
from gateway.settings import Settings as GatewaySettings
from gateway.worker import make_periodic
from payment_service.clients.banks import BankClients
from payment_service.clients.members import MembersClient
from payment_service.clients.payees import PayeesClient
from payment_service.settings import Settings as PaymentSettings
from payment_service.worker import periodic
from perisai_kit.db.engine import Database
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.client import ServiceClient, TokenSource

LEAST_S = 10
"""One turn is three transactions: a lease is taken, work is done, the lease is given back."""


def test_no_periodic_task_runs_more_often_than_six_times_a_minute(keyring: Keyring) -> None:
    database = Database("postgresql://nobody@127.0.0.1/nothing")  # no connection is opened
    feed = LocalFeed(database, source="agent-service", signals=Signals())
    nobody = TokenSource(gateway_url="http://127.0.0.1:9", client_id="-", client_secret="-")
    client = ServiceClient("http://127.0.0.1:9", nobody)
    members, payees = MembersClient(client), PayeesClient(client)
    outbox = Outbox(database, keyring, "phone")
    tasks = [
        *make_periodic(GatewaySettings.model_construct(), Channels(outbox, None)),
        *periodic(
            PaymentSettings.model_construct(),
            agents=feed,
            members=members,
            payees=payees,
            clients=BankClients(),
        ),
    ]

    assert len(tasks) == 21
    assert [each.name for each in tasks if each.every_s < LEAST_S] == []
