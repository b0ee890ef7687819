"""Fuzz config files and `--set`."""

import json

from hypothesis import given
from hypothesis import strategies as st

from damaging import EXTREMES, damaged, maybe
from fuzzing import check_message, fuzz
from sightline.config import RunConfig, loading
from sightline.errors import ConfigError

SECTIONS = RunConfig.model_json_schema()["$defs"]
KEYS = st.sampled_from(
    [
        *RunConfig.model_fields,
        *(
            f"{section}.{key}"
            for section, name in (
                ("training", "Training"),
                ("data", "Data"),
                ("model", "Cnn"),
                ("model", "Backbone"),
                ("embedding", "Embedding"),
            )
            for key in SECTIONS[f"{name}Config"]["properties"]
        ),
    ]
)
WORDS = st.text(st.sampled_from("abcdeimnoprst_-.[]{}\"'=#\\\n\t\0é"), max_size=12)
LITERALS = st.one_of(
    st.integers().map(str),
    st.sampled_from(EXTREMES).map(hex),
    st.floats().map(str),
    st.sampled_from(["true", "false", "inf", "-nan", "1e999", "1979-05-27", "07:32:00", "0o7"]),
    st.sampled_from(["[" * 3000, "{a=" * 3000, "9" * 5000, "0x" + "f" * 5000, "!!python/object:x"]),
    st.lists(st.integers(-1, 70), max_size=3).map(str),
    st.dictionaries(st.sampled_from(["filters", "stride", "x"]), st.integers(0, 9)).map(
        lambda found: "[{" + ", ".join(f"{key} = {value}" for key, value in found.items()) + "}]"
    ),
    WORDS,
    WORDS.map(json.dumps),
)


@st.composite
def toml_file(draw):
    """Return a damaged recipe, or keys with arbitrary values."""
    recipe = loading.text("tutorial").encode()
    keys = st.one_of(KEYS, WORDS, st.just("a." * 400 + "a"))
    lines = draw(st.lists(st.tuples(keys, LITERALS), max_size=3))
    settings = "\n".join(f"{key} = {value}" for key, value in lines).encode()
    return draw(st.one_of(damaged(recipe), st.just(settings), damaged(settings)))


def check(file, overrides):
    try:
        config = loading.load("tutorial", file, overrides)
    except ConfigError as error:
        check_message(error)
    else:
        assert RunConfig.model_validate_json(config.model_dump_json()) == config


@fuzz
@given(content=toml_file())
def test_config_file_is_refused_or_valid(folder, content):
    (folder / "mine.toml").write_bytes(content)
    check(folder / "mine.toml", [])


@fuzz
@given(
    pairs=st.lists(st.tuples(maybe("training.epochs", KEYS, WORDS), LITERALS), max_size=3),
    equals=st.sampled_from(["=", "=", " = ", "", "=="]),
)
def test_settings_are_refused_or_valid(pairs, equals):
    check(None, [f"{key}{equals}{value}" for key, value in pairs])
