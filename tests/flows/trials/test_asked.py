from unittest.mock import Mock

import pytest

from sightline.flows.trials import asked
from tiny_run import tiny


@pytest.mark.parametrize("deployment", [None, "shard/shard-cpu"])
def test_search_ingests_shards_where_the_config_says(deployment, run, data, monkeypatch):
    changes = [f'data.shard_deployment="{deployment}"'] if deployment else []
    monkeypatch.setattr(asked, "api", Mock())
    monkeypatch.setattr(asked.ingest, "ingest", ingest := Mock())
    asked._ingest(tiny(data, *changes), run, source=None)
    (_, _, settings, *elsewhere) = ingest.call_args.args
    assert settings.shard_deployment == deployment
    assert [one.keywords for one in elsewhere] == [{"deployment": deployment}] * bool(deployment)
    assert asked.api.require.called is bool(deployment)
