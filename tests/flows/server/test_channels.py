from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.server.events.jinja_filters import all_filters
from prefect.server.utilities.user_templates import (
    register_user_template_filters,
    render_user_template_sync,
)

from sightline.errors import ConfigError
from sightline.flows.server import automations, channels

HIDDEN = "T0KEN"
pytestmark = [
    pytest.mark.usefixtures("prefect_api"),
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated"),  # what sends e-mail imports it
]


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    values = ("SG." + HIDDEN, "sightline@example.org", "a@example.org, b@example.org")
    monkeypatch.setenv(channels.SLACK, f"https://hooks.slack.com/services/A/B/{HIDDEN}")
    for name, value in zip(channels.EMAIL, values, strict=True):
        monkeypatch.setenv(name, value)


def test_all_channels_are_stored_as_secrets_and_get_every_message(monkeypatch):
    blocks = channels.configured(f"https://chat.example.org/{HIDDEN}")
    assert HIDDEN not in repr(blocks)
    with get_client(sync_client=True) as client:
        saved = channels.save(client, blocks)
        for name in (channels.SLACK, *channels.EMAIL):
            monkeypatch.delenv(name)
        assert channels.save(client, channels.configured(None)) == saved  # as they were
        shown = [client.read_block_document(one, include_secrets=False) for one in saved.values()]
    assert sorted(saved) == ["sightline-email", "sightline-slack", "sightline-webhook"]
    assert HIDDEN not in str(shown)
    for one in automations.messages(saved):
        assert [action.block_document_id for action in one.actions] == list(saved.values())


def test_incomplete_or_invalid_channels_are_refused_without_showing_them(monkeypatch):
    monkeypatch.setenv(channels.SLACK, f"slack/{HIDDEN}")
    with pytest.raises(ConfigError, match=channels.SLACK) as refused:
        channels.configured(None)
    assert HIDDEN not in str(refused.value)
    monkeypatch.delenv(channels.SLACK)
    monkeypatch.delenv("SIGHTLINE_EMAIL_TO")
    with pytest.raises(ConfigError, match="also need SIGHTLINE_EMAIL_TO"):
        channels.configured(None)


def test_message_about_a_model_names_reason_and_command():
    (action,) = automations.messages({"one": UUID(int=0)})[2].actions
    payload = {"dataset": "mnist", "version": "mnist-v3", "reason": "Worse.", "remedy": "Do this"}
    event = {"event": "sightline.model.refused", "payload": payload, "resource": {"name": "mnist"}}
    register_user_template_filters(all_filters)
    said = render_user_template_sync(action.body, {"event": event})
    for line in ("Version: mnist-v3", "Reason: Worse.", "Next: Do this", "Champion before: none"):
        assert line in said
    assert render_user_template_sync(action.subject, {"event": event}).startswith("mnist: ")


@pytest.mark.parametrize("channel", ["sightline-slack", "sightline-webhook"])
def test_message_to_a_chat_mentions_nobody(channel):
    (action,) = automations.messages({channel: UUID(int=0)})[2].actions
    event = {"event": "x", "payload": {"dataset": "<!channel>", "reason": "A & <@U012>, 'it'"}}
    register_user_template_filters(all_filters)
    assert "&lt;!channel&gt;: x" in render_user_template_sync(action.subject, {"event": event})
    said = render_user_template_sync(action.body, {"event": event})
    assert "Reason: A &amp; &lt;@U012&gt;, 'it'\nNext: sightline ops status\n" in said


def test_mail_is_html_with_its_lines_and_with_values_that_are_only_text():
    (action,) = automations.messages({"sightline-email": UUID(int=0)})[2].actions
    event = {"event": "x", "payload": {"reason": "<img src=//x>", "remedy": "run 'it'"}}
    register_user_template_filters(all_filters)
    said = render_user_template_sync(action.body, {"event": event})
    assert "Reason: &lt;img src=//x&gt;<br>\nNext: run &#39;it&#39;<br>" in said
