"""Clients that dawdle by the hundred, without any key, stop nobody: tickets are taken and completed meanwhile."""

import pytest

from tests.chaos.ordinary import complete_ordinary, unharmed
from tests.chaos.run import IS_FULL
from tests.chaos.site import Setup
from tests.harness.dawdlers import Dawdlers

CLIENTS = 1000 if IS_FULL else 200


@pytest.mark.timeout(600)
def test_ordinary_tickets_among_clients_that_dawdle(new_site):
    with new_site(Setup()).running() as site, unharmed("slow clients", site), Dawdlers(site.port, CLIENTS):
        complete_ordinary(site, "meanwhile")
