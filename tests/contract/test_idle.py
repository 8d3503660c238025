"""An idle platform is idle: no task asks the database often for work that rarely comes."""

from agent_service import worker as agent
from gateway.clients.notice_sender import Channels
from gateway.notices.service import Outbox
from gateway.settings import Settings as GatewaySettings
from gateway.worker import make_periodic
from member_service import worker as member
from member_service.corrections.service import make_office
from member_service.settings import Settings as MemberSettings
from payment_service import worker as payment
from payment_service.clients.banks import BankClients
from payment_service.clients.members import MembersClient
from payment_service.clients.payees import PayeesClient
from payment_service.settings import Settings as PaymentSettings
from perisai_kit.db.engine import Database
from perisai_kit.events.feed import LocalFeed
from perisai_kit.events.signals import Signals
from perisai_kit.privacy.keyring import Keyring
from perisai_kit.services.client import ServiceClient, TokenSource

LEAST_S = 60
"""One turn is three transactions: a lease is taken, work is done, the lease is given back."""
LEAST_ASKED_S = 10
"""One transaction has the questions of all tasks of a worker."""


def test_a_task_that_runs_more_than_once_a_minute_is_asked_first(keyring: Keyring) -> None:
    database = Database("postgresql://nobody@127.0.0.1/nothing")  # no connection is opened
    feed = LocalFeed(database, source="agent-service", signals=Signals())
    nobody = TokenSource(gateway_url="http://127.0.0.1:9", client_id="-", client_secret="-")
    client = ServiceClient("http://127.0.0.1:9", nobody)
    members, payees = MembersClient(client), PayeesClient(client)
    outbox = Outbox(database, keyring, "phone")
    tasks = [
        *make_periodic(GatewaySettings.model_construct(), Channels(outbox, None)),
        *agent.periodic(),
        *member.periodic(make_office(MemberSettings.model_construct(), keyring), client),
        *payment.periodic(
            PaymentSettings.model_construct(),
            agents=feed,
            members=members,
            payees=payees,
            clients=BankClients(),
        ),
    ]

    often = [each for each in tasks if each.every_s < LEAST_S]

    assert len(tasks) == 29
    assert [each.name for each in often if each.is_due is None] == []
    assert [each.name for each in often if each.every_s < LEAST_ASKED_S] == []
