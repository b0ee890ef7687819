from datetime import UTC, datetime, timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import Scheduled

from sightline.flows.queueing import WAITING, give_way

pytestmark = pytest.mark.usefixtures("prefect_api")


@flow(name="queued")
def queued():
    give_way()
    return "went on"


@pytest.fixture
def enter():
    """Create runs of one deployment, as many seconds old as given; they are removed afterwards."""
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(queued), "queued")
        made = []

        def create(age, *, waits_for=None):
            came = Scheduled(scheduled_time=now - timedelta(seconds=age))
            made.append(client.create_flow_run_from_deployment(deployment, state=came))
            if waits_for is not None:
                asks = Scheduled(name=WAITING, scheduled_time=now + timedelta(seconds=waits_for))
                client.set_flow_run_state(made[-1].id, asks, force=True)
            return client.read_flow_run(made[-1].id)

        yield create
        for run in made:
            client.delete_flow_run(run.id)
        client.delete_deployment(deployment)


def again(run):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.id)


def test_run_that_got_the_slot_before_an_earlier_one_waits_until_after_it(enter):
    first, second = enter(300, waits_for=20), enter(200, waits_for=10)
    third = enter(100)
    with pytest.raises(Pause):
        run_flow(queued, flow_run=third)
    found = again(third)
    assert (found.state.name, found.state.type.value) == (WAITING, "SCHEDULED")
    assert f"{first.expected_start_time:%H:%M:%S} UTC came before" in found.state.message
    assert found.next_scheduled_start_time > first.next_scheduled_start_time
    assert again(second).state.name == WAITING


def test_earliest_run_goes_on_whatever_waits_behind_it(enter):
    first, _ = enter(300), enter(200, waits_for=10)
    assert run_flow(queued, flow_run=first) == "went on"


def test_run_whose_worker_stands_still_holds_up_no_other(enter):
    enter(900, waits_for=-300)
    assert run_flow(queued, flow_run=enter(100)) == "went on"


def test_run_without_a_deployment_goes_on():
    assert queued() == "went on"
