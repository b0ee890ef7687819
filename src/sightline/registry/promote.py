"""Promotions, refusals and rollbacks: which version is the champion."""

from sightline.errors import ChampionChangedError, InputError
from sightline.experiments import pins, run_folder
from sightline.records import Decision
from sightline.registry import audit_log, champion_file, documents, verify
from sightline.registry.audit_log import EventLog, again_if_overtaken
from sightline.registry.events import Event
from sightline.registry.version import Version, read_registered
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_MAX_REASON_LENGTH = 1000


@again_if_overtaken
def promote(
    workspace: Workspace,
    version: Version,
    reason: str,
    decision: Decision | None,
    expected_champion: str | None,
    forced: bool = False,
) -> Event:
    """Make a registered version the champion, and pin its run.

    Promoting the champion again adds no event, so the step can be repeated. If
    SIGHTLINE_SIGNING_KEY names a key, the version's provenance is signed with it.

    Raises ChampionChangedError unless the champion is `expected_champion`, the one that it was
    compared with; InputError if the gate refused it and it is not `forced`, the decision is about
    another run, there is no reason, the signing key cannot be used, or the log or a file of the
    version is damaged; and StorageError if the artifacts root cannot be written.
    """
    from sightline.registry.attestation import keys, sign  # which import the registry

    reason = check_reason(reason)
    _check_decision(version, decision, forced=forced)
    signer = keys.configured()  # before anything is written
    with documents.locked(workspace, version.dataset, f"promote {version.name}"):
        log = audit_log.read(workspace, version.dataset)
        registered = _read_intact(workspace, log, version.name)
        event = log.last_of("promote", version.name)
        made = log.last(lambda one: one.champion_before != one.champion_after)
        if event is None or log.state.champion != version.name:
            _check_champion(log, expected_champion, f"compare {version.name} again")
            _pin(workspace, version, reason)
            why = {"reason": reason, "decision": decision, "forced": forced}
            event = made = audit_log.append(workspace, log, "promote", version.name, **why)
        champion_file.write(workspace, registered, made or event)
        if signer is not None:
            sign.attest(workspace, registered, event, signer)
    return event


@again_if_overtaken
def refuse(workspace: Workspace, version: Version, decision: Decision, reason: str = "") -> Event:
    """Record that the gate refused a version, for its sentence's or another reason.

    The version is no longer the candidate. Repeating the same refusal adds no event. Raises
    InputError if it is the champion, or the log or the version is damaged, and StorageError if the
    artifacts root cannot be written.
    """
    reason = check_reason(reason or decision.sentence)
    with documents.locked(workspace, version.dataset, f"refuse {version.name}"):
        log = audit_log.read(workspace, version.dataset)
        read_registered(workspace, log, version.name)  # fails if it is damaged
        last = log.last(lambda event: event.version == version.name)
        if last and (last.action, last.decision, last.reason) == ("refuse", decision, reason):
            return last
        if log.state.champion == version.name:
            raise InputError(
                f"{version.name} is the champion and cannot be refused; `sightline models "
                "rollback` returns to the previous champion."
            )
        why = {"reason": reason, "decision": decision}
        return audit_log.append(workspace, log, "refuse", version.name, **why)


@again_if_overtaken
def rollback(
    workspace: Workspace, dataset: str, reason: str, expected_champion: str | None = None
) -> Event:
    """Make the previous champion the champion again; the present one may be damaged.

    Raises ChampionChangedError unless `expected_champion`, if given, is the present champion, so
    that two simultaneous rollbacks do not go back twice; InputError if there is no previous
    champion or no reason, or the log or a file of the previous champion is damaged; and
    StorageError if the artifacts root cannot be written.
    """
    reason = check_reason(reason)
    _previous(workspace, audit_log.read(workspace, dataset))  # fails before it creates any folder
    with documents.locked(workspace, dataset, f"roll {dataset} back"):
        log = audit_log.read(workspace, dataset)
        remedy = "nothing was rolled back, see `sightline models history`"
        _check_champion(log, expected_champion or log.state.champion, remedy)
        previous = _read_intact(workspace, log, _previous(workspace, log))
        event = audit_log.append(workspace, log, "rollback", previous.name, reason=reason)
        champion_file.write(workspace, previous, event)
        return event


def check_reason(reason: str) -> str:
    """Return a reason as one line of printable text; raise InputError if empty or too long."""
    reason = printable(reason.strip())
    if not 0 < len(reason) <= _MAX_REASON_LENGTH:
        raise InputError(
            f"A reason is required, of 1 to {_MAX_REASON_LENGTH:,} characters; got "
            f"{len(reason):,}. Give one with --reason."
        )
    return reason


def _check_champion(log: EventLog, expected: str | None, remedy: str) -> None:
    champion = log.state.champion
    if champion != expected:
        raise ChampionChangedError(
            f"The champion of {log.dataset} is now {champion or 'none'}, not "
            f"{expected or 'none'}; {remedy}."
        )


def _read_intact(workspace: Workspace, log: EventLog, name: str) -> Version:
    version = read_registered(workspace, log, name)
    verify.check(workspace, version)
    return version


def _previous(workspace: Workspace, log: EventLog) -> str:
    previous, present = log.state.previous_champion, log.state.champion
    if previous is None:
        why = f"its champion {present} is the first" if present else "it has no champion"
        if present and log.state.pruned:
            why += " whose files are left"
        raise InputError(
            f"Nothing to roll back to for {log.dataset} in {workspace}: {why}. See `sightline "
            "models history`."
        )
    return previous


def _check_decision(version: Version, decision: Decision | None, *, forced: bool) -> None:
    if decision is not None and decision.candidate != version.run_id:
        raise InputError(
            f"The decision is about run {decision.candidate}, but {version.name} comes from run "
            f"{version.run_id}; evaluate it again."
        )
    if not forced and (decision is None or not decision.promote):
        why = decision.sentence if decision else "It was not compared with the champion."
        raise InputError(
            f"{version.name} is not promoted: {why} `sightline models promote --force` overrules "
            "this, and the audit log says so."
        )


def _pin(workspace: Workspace, version: Version, reason: str) -> None:
    """Pin a version's run, unless it was removed or is pinned already."""
    run_ids, pinned = run_folder.run_ids(workspace), pins.pinned_ids(workspace)
    if version.run_id in run_ids and version.run_id not in pinned:
        pins.pin(workspace, version.run_id, f"{pin_reason(version.name)}{reason}")


def pin_reason(version: str) -> str:
    """Return how the reason of a pin starts that the promotion of a version has set."""
    return f"promoted as {version}: "
