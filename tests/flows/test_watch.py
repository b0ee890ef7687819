import pytest

from examples import write_npz
from sightline.flows.watch import watch_flow

pytestmark = pytest.mark.usefixtures("prefect_api")


def test_check_ends_with_a_sentence_also_if_the_data_are_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(tmp_path / "artifacts"))
    data = tmp_path / "textures.npz"
    state = watch_flow(dataset=str(data), return_state=True)
    assert state.is_failed()
    assert str(data) in state.message
    write_npz(data)
    state = watch_flow(dataset=str(data), return_state=True)
    assert state.is_completed()
    assert state.message.startswith(f"Now watching {data}")
