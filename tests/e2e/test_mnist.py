import json

import pytest

pytestmark = [pytest.mark.campaign, pytest.mark.slow]


def test_real_mnist_is_learnt_from_a_local_copy(sightline, mnist_dir, tmp_path):
    options = ("--dataset=mnist", f"--data-dir={mnist_dir}", f"--artifacts={tmp_path}")
    done = sightline("train", *options, "--recipe=fast", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["parameters"] == 141_234
    assert result["test_accuracy"] >= 0.98
    assert (result["dataset"], result["recipe"]) == ("mnist", "fast")
