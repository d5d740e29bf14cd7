"""Old events and attempts go into files: said by an event, and only then taken out of the database."""

from datetime import datetime
from pathlib import Path

from accounts.access import Access
from accounts.models import User
from approvals import archiving
from approvals.commands.administrators import check_administrator
from approvals.commands.frame import Answer
from approvals.commands.managed import Changed, managed
from approvals.refusals import Invalid, NotFound
from audit import archive
from audit.archive import ACTION, SAID, STREAM
from audit.models import Archive
from audit.months import Part
from audit.recorder import Target, record


def archive_month(
    *,
    name: str,
    folder: Path,
    with_private: bool,
    kept_months: int,
    by: User,
    at: datetime,
    key: str,
) -> Answer:
    """Write the events and attempts of a month to files in `folder`, say so, and take them out.

    Raises a `Refusal`, `NotArchived` and `OSError`; whatever was not said stays where it is. Safe to
    repeat after a crash: what was said goes on.
    """
    parts = archiving.named(name)
    if not parts:
        raise NotFound(name)

    def act(person: Access) -> Changed:
        files = {part: folder / f"{part.table}-{part.name}.jsonl.gz" for part in parts}
        new = [part for part in parts if not archiving.is_archived(part)]
        _check_can_go(new, kept_months, at)
        for part in new:
            _say(part, files[part], with_private, person, at, key)
        return Changed(name, 1, f"{name} is archived in {folder}.")

    arguments = {"folder": str(folder), "with_private": with_private}
    answer = managed(
        "archive",
        name,
        act,
        about="record",
        by=by,
        at=at,
        key=key,
        arguments=arguments,
        check=lambda person: check_administrator(person, "take months out of the record"),
    )
    for part in parts:
        _take_out(part)
    return answer


def _check_can_go(parts: list[Part], kept_months: int, at: datetime) -> None:
    for part in parts:
        for sentence in archiving.hindrances(part, kept_months=kept_months, at=at):
            raise Invalid({"month": f"{part.name} of {part.table} stays: {sentence}"})


def _say(
    part: Part, path: Path, with_private: bool, person: Access, at: datetime, key: str
) -> None:
    written = archiving.write(part, path, with_private=with_private)
    said = Archive.objects.create(
        table=part.table,
        part=part.name,
        rows=written.rows,
        ranges=written.ranges,
        root=written.root,
        file=path.name,
        sha256=written.sha256,
        with_private=with_private,
        archived_at=at,
    )
    record(
        stream=STREAM,
        action=ACTION,
        actor=person.actor,
        target=Target("archive", f"{part.table} {part.name}"),
        at=at,
        facts={**{name: getattr(said, name) for name in SAID}, "with_private": with_private},
        key=key,
    )


def _take_out(part: Part) -> None:
    said = Archive.objects.get(table=part.table, part=part.name)
    archive.take_out(part, said.rows)
