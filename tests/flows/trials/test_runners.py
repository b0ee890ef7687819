from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from sightline.flows.trials import runners
from sightline.flows.trials.runners import RunnerName, opened
from sightline.flows.trials.trial import DEPLOYMENT


def test_command_that_watches_flow_runs_uses_one_client(prefect_api, monkeypatch):
    monkeypatch.setattr(runners.api, "configure", lambda *, verbose: None)
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    with opened(RunnerName.DEPLOYMENTS, 2, DEPLOYMENT, verbose=False) as runner:
        assert runner.at_once == 2
        assert get_client(sync_client=True) is get_client(sync_client=True)
