"""Where notifications go: blocks of Prefect, whose addresses the server keeps as secrets.

A webhook is an option of the command. Slack and e-mail follow from the environment, so that no key
is on a command line: SIGHTLINE_SLACK_URL, and SIGHTLINE_SENDGRID_KEY with SIGHTLINE_EMAIL_FROM and
SIGHTLINE_EMAIL_TO, whose addresses are separated by commas.
"""

import os
from uuid import UUID

import httpx
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.notifications import (
    CustomWebhookNotificationBlock,
    SendgridEmail,
    SlackWebhook,
)
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from pydantic import SecretStr

from sightline.errors import ConfigError

SLACK = "SIGHTLINE_SLACK_URL"
EMAIL = ("SIGHTLINE_SENDGRID_KEY", "SIGHTLINE_EMAIL_FROM", "SIGHTLINE_EMAIL_TO")
_EMAIL = "sightline-email"
_KINDS: dict[str, type[NotificationBlock]] = {
    "sightline-webhook": CustomWebhookNotificationBlock,
    "sightline-slack": SlackWebhook,
    _EMAIL: SendgridEmail,
}


def configured(webhook_url: str | None) -> dict[str, NotificationBlock]:
    """Return the blocks of the channels that are configured, by name; nothing is stored.

    Raises ConfigError if an address is not a URL, without showing it, or an e-mail setting is
    missing.
    """
    found: dict[str, NotificationBlock] = {}
    if webhook_url:
        _check(webhook_url, "The webhook (--webhook-url or SIGHTLINE_WEBHOOK_URL)")
        found["sightline-webhook"] = CustomWebhookNotificationBlock(
            name="sightline-webhook",
            url="{{address}}",
            # What Slack, Mattermost, Teams and most other incoming webhooks expect
            json_data={"text": "{{subject}}\n{{body}}"},
            secrets=SecretDict({"address": webhook_url}),
        )
    if slack := os.environ.get(SLACK):
        _check(slack, SLACK)
        found["sightline-slack"] = SlackWebhook(url=SecretStr(slack))
    if email := _email():
        found[_EMAIL] = email
    return found


def save(client: SyncPrefectClient, blocks: dict[str, NotificationBlock]) -> dict[str, UUID]:
    """Store blocks on the server; return the IDs of all channels there, by name."""
    saved = {}
    for name, kind in _KINDS.items():
        if block := blocks.get(name):
            saved[name] = UUID(str(block.save(name, overwrite=True)))
        else:
            slug = kind.get_block_type_slug()
            try:
                saved[name] = client.read_block_document_by_name(name, slug, False).id
            except ObjectNotFound:
                continue
    return saved


def subject(name: str, text: str) -> str:
    """Return a template of plain text as the first line that a channel takes."""
    return text if name == _EMAIL else _chat(text)


def body(name: str, text: str) -> str:
    """Return a template of plain text as a channel takes it: e-mail is HTML, and values are not."""
    if name != _EMAIL:
        return _chat(text)
    lines = text.replace("\n", "<br>\n")
    return f"{{% autoescape true %}}{lines}{{% endautoescape %}}"


def _chat(text: str) -> str:
    """Escape what chats read as a mention or a link, such as `<!channel>`, as Slack asks for."""
    filters = "replace('&', '&amp;')|replace('<', '&lt;')|replace('>', '&gt;')"
    return f"{{% filter {filters} %}}{text}{{% endfilter %}}"


def _check(address: str, what: str) -> None:
    """Check a URL before anything is installed; it is a secret, so errors do not show it."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError(
            f"{what} is not an http:// or https:// URL; copy the complete URL from the settings of "
            "your chat."
        )


def _email() -> SendgridEmail | None:
    given = {name: os.environ.get(name, "").strip() for name in EMAIL}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(EMAIL):
        return None
    if missing:
        raise ConfigError(
            f"Notifications by e-mail also need {' and '.join(missing)}; set all of "
            f"{', '.join(EMAIL)}, or none."
        )
    key, sender, recipients = given.values()
    to_emails = [one.strip() for one in recipients.split(",") if one.strip()]
    try:
        return SendgridEmail(api_key=SecretStr(key), sender_email=sender, to_emails=to_emails)
    except TypeError:  # whose text may contain the key
        raise ConfigError(
            f"{EMAIL[0]} is no key of SendGrid, or {EMAIL[1]} is no e-mail address; copy both from "
            "the settings of SendGrid."
        ) from None
