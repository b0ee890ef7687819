import re

from searching import play, setup
from sightline.experiments.search import study as studies
from sightline.reporting import search_page
from sightline.storage.workspace import Workspace


def test_page_shows_every_trial_escapes_text_and_loads_nothing(tmp_path):
    asked = setup("training.learning_rate=log(1e-4, 1e-1)", "training.batch_size=choice(16, 32)")
    workspace = Workspace(tmp_path)
    with studies.opened(workspace, "demo", asked) as study:
        for accuracy in (0.5, 0.6, 0.7, 0.8):
            play(study, study.draw(), accuracy)
        study.end(study.draw().number, "failed", message="<script>alert(1)</script>")
        study.draw()
        html = search_page.write(workspace, study).read_text()
    assert html.count("<polyline") == html.count("<circle") == 4
    assert html.count("stroke:var(--weak);stroke-width:3") == 1
    assert "<title>Trial 3, complete: val_accuracy 0.8000</title>" in html
    assert re.search(r"training\.\w+: \d+%", html)
    assert "&lt;script&gt;alert(1)" in html
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", html)


def test_page_of_a_search_without_results_is_complete(tmp_path):
    asked = setup("training.learning_rate=log(1e-4, 1e-1)")
    with studies.opened(Workspace(tmp_path), "demo", asked) as study:
        assert "at least four complete trials" in search_page.render(study)
