"""Who becomes champion after whom: promotions, refusals and rollbacks."""

from sightline.errors import ChampionChangedError, InputError
from sightline.records import Decision
from sightline.registry import audit_log, verify, writing
from sightline.registry.audit_log import Trail
from sightline.registry.events import Event
from sightline.registry.line import Action
from sightline.registry.version import Version, read_registered
from sightline.runs import pins, run_folder
from sightline.storage.text import printable
from sightline.storage.workspace import Workspace

_LONGEST_REASON = 1000


def promote(
    workspace: Workspace,
    version: Version,
    reason: str,
    decision: Decision | None,
    expected_champion: str | None,
    forced: bool = False,
) -> Event:
    """Make a version the champion, and pin its run.

    Promoting the champion again adds nothing: a step that is repeated does no harm. Where
    SIGHTLINE_SIGNING_KEY names a key, the version's provenance is signed with it.

    Args:
        version: A registered version.
        reason: Why, for people.
        decision: What the promotion gate said of it.
        expected_champion: Name of the champion that it was compared with; None if there was none.
        forced: Whether it is promoted whatever the gate says.

    Returns:
        The event that made it the champion.

    Raises:
        ChampionChangedError: Another version is the champion by now.
        InputError: The gate did not let it pass and it is not forced, the decision is about
            another run, there is no reason, the signing key cannot be used, or the log or a file
            of the version is damaged.
        StorageError: The artifacts root is full or cannot be written.
    """
    from sightline.registry import attestation  # which reads the store

    reason = check_reason(reason)
    _check_decision(version, decision, forced=forced)
    signer = attestation.configured()  # a key that cannot be used is found before anything is done
    with writing.alone(workspace, version.dataset, f"promote {version.name}"):
        trail = audit_log.read(workspace, version.dataset)
        registered = read_registered(workspace, trail, version.name)
        verify.check(workspace, registered)
        if trail.line.champion == version.name:
            event = _last(trail, "promote", version.name)
        else:
            _check_champion(trail, version, expected_champion)
            _pin(workspace, version, reason)
            event = _append(
                workspace, trail, "promote", registered, reason, decision, forced=forced
            )
        if signer is not None:
            attestation.attest(workspace, registered, event, signer)
    return event


def refuse(workspace: Workspace, version: Version, decision: Decision, reason: str = "") -> Event:
    """Note that the gate did not let a version pass; it is no longer the candidate.

    The same refusal for the same reason once more adds nothing.

    Args:
        version: A registered version.
        decision: What the promotion gate said of it.
        reason: Why, for people; the decision's sentence by default.

    Returns:
        The event.

    Raises:
        InputError: It is the champion, or the log or the version is damaged.
        StorageError: The artifacts root is full or cannot be written.
    """
    reason = check_reason(reason or decision.sentence)
    with writing.alone(workspace, version.dataset, f"refuse {version.name}"):
        trail = audit_log.read(workspace, version.dataset)
        registered = read_registered(workspace, trail, version.name)
        last = trail.last(lambda event: event.version == version.name)
        same = ("refuse", decision, reason)
        if last is not None and (last.action, last.decision, last.reason) == same:
            return last
        if trail.line.champion == version.name:
            raise InputError(
                f"{version.name} is the champion and cannot be refused; `sightline models "
                "rollback` makes the one before it the champion again."
            )
        return _append(workspace, trail, "refuse", registered, reason, decision)


def rollback(
    workspace: Workspace, dataset: str, reason: str, expected_champion: str | None = None
) -> Event:
    """Make the champion before the present one the champion again; twice goes further back.

    The present one may be damaged or gone.

    Args:
        dataset: The data set's name.
        reason: Why, for people.
        expected_champion: Name of the champion that is meant, so that two who roll back from the
            same one do not go back twice; whichever it is unless given.

    Returns:
        The event.

    Raises:
        ChampionChangedError: Another version is the champion by now.
        InputError: There is none before it, there is no reason, or the log or a file of the
            version before is damaged.
        StorageError: The artifacts root is full or cannot be written.
    """
    reason = check_reason(reason)
    _previous(
        workspace, audit_log.read(workspace, dataset)
    )  # leaves nothing behind where there is no such
    with writing.alone(workspace, dataset, f"roll {dataset} back"):
        trail = audit_log.read(workspace, dataset)
        if expected_champion not in (None, trail.line.champion):
            raise ChampionChangedError(
                f"The champion of {dataset} is {trail.line.champion} by now and no longer "
                f"{expected_champion}, so nothing was rolled back; see `sightline models history`."
            )
        previous = _previous(workspace, trail)
        verify.check(workspace, previous)
        return _append(workspace, trail, "rollback", previous, reason)


def _previous(workspace: Workspace, trail: Trail) -> Version:
    if trail.line.before is None:
        only = trail.line.champion
        known = f"its champion {only} is the first" if only else "it has no champion"
        raise InputError(
            f"Nothing to roll back to for {trail.dataset} in {workspace}: {known}. See `sightline "
            "models history`."
        )
    return read_registered(workspace, trail, trail.line.before)


def _append(
    workspace: Workspace,
    trail: Trail,
    action: Action,
    version: Version,
    reason: str,
    decision: Decision | None = None,
    *,
    forced: bool = False,
) -> Event:
    added = audit_log.append(
        workspace,
        trail,
        action,
        version.name,
        version_sha256=_last(trail, "register", version.name).version_sha256,
        run_id=version.run_id,
        reason=reason,
        decision=decision,
        forced=forced,
    )
    return added.events[-1]


def _last(trail: Trail, action: Action, version: str) -> Event:
    """Return the last such event; there is one."""
    return next(
        event
        for event in reversed(trail.events)
        if (event.action, event.version) == (action, version)
    )


def check_reason(reason: str) -> str:
    """Make a reason fit for the audit log.

    Args:
        reason: Why, in somebody's words.

    Returns:
        Printable text on one line.

    Raises:
        InputError: It says nothing, or too much.
    """
    reason = printable(reason.strip())
    if not 0 < len(reason) <= _LONGEST_REASON:
        raise InputError(
            f"A reason has to be given, of 1 to {_LONGEST_REASON:,} characters; got "
            f"{len(reason):,}."
        )
    return reason


def _check_decision(version: Version, decision: Decision | None, *, forced: bool) -> None:
    if decision is not None and decision.candidate != version.run_id:
        raise InputError(
            f"The decision is about run {decision.candidate}, but {version.name} is of run "
            f"{version.run_id}; judge it again."
        )
    if not forced and (decision is None or not decision.promote):
        said = decision.sentence if decision else "It was not compared with the champion."
        raise InputError(
            f"{version.name} is not promoted: {said} `sightline models promote --force` does it "
            "all the same, and the audit log says so."
        )


def _check_champion(trail: Trail, version: Version, expected: str | None) -> None:
    if trail.line.champion != expected:
        raise ChampionChangedError(
            f"The champion of {trail.dataset} is {trail.line.champion or 'none'} by now, "
            f"{version.name} was compared with {expected or 'none'}: compare again."
        )


def _pin(workspace: Workspace, version: Version, reason: str) -> None:
    """Pin a version's run, unless it is gone or pinned: a reason that somebody gave stays."""
    if version.run_id in run_folder.run_ids(workspace) and version.run_id not in pins.pinned_ids(
        workspace
    ):
        pins.pin(workspace, version.run_id, f"promoted as {version.name}: {reason}")
