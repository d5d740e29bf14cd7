"""Permissions on single objects, kept by guardian. The only module that speaks guardian.

Model-level grants and superuser status mean nothing here: only a grant on the object counts.

"""

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Cast
from guardian.models.models import GroupObjectPermissionBase, UserObjectPermissionBase
from guardian.shortcuts import assign_perm, remove_perm
from guardian.utils import get_group_obj_perms_model, get_user_obj_perms_model


class UserGrant(UserObjectPermissionBase):
    """Base of a table "this person may do this with that object"; needs `content_object`."""

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True


class GroupGrant(GroupObjectPermissionBase):
    """Base of a table "members of this team may do this with that object"."""

    class Meta(GroupObjectPermissionBase.Meta):
        abstract = True


def give(codename: str, *, to: models.Model, on: models.Model) -> None:
    """`to` is a user or a group. Giving twice is the same as once."""
    assign_perm(codename, _guardian_holder(to), on)


def take(codename: str, *, of: models.Model, on: models.Model) -> None:
    remove_perm(codename, _guardian_holder(of), on)


def is_given(codename: str, *, to: models.Model, on: models.Model) -> bool:
    """To just this team or person; what a person has through a team is not asked."""
    holder = _guardian_holder(to)
    is_team = isinstance(holder, Group)
    find = get_group_obj_perms_model if is_team else get_user_obj_perms_model
    given = find(type(on)).objects.filter(content_object=on, permission__codename=codename)
    return given.filter(**{"group" if is_team else "user": holder}).exists()


class Given(NamedTuple):
    """One right on one object, to a team or to a single person; the other is None."""

    object_id: int
    codename: str
    team_id: int | None
    user_id: int | None


def given_on(objects: type[models.Model]) -> list[Given]:
    """Every right that was given on these objects."""
    fields = ("content_object", "permission__codename")
    nobody = Cast(models.Value(None), models.BigIntegerField())
    of_teams = get_group_obj_perms_model(objects).objects.values_list(*fields, "group", nobody)
    own = get_user_obj_perms_model(objects).objects.values_list(*fields, nobody, "user")
    return [Given(*row) for row in of_teams.union(own, all=True)]


def all_held(objects: type[models.Model]) -> set[tuple[int, int, str]]:
    """Which user may do what with which object, whatever gives it."""
    somebody, fields = models.Q(holder__isnull=False), ("holder", "on", "codename")
    own, of_teams = held_by(somebody, objects)
    return set(own.values_list(*fields).union(of_teams.values_list(*fields)))


def held_by(
    users: models.Q, objects: type[models.Model]
) -> tuple[models.QuerySet, models.QuerySet]:
    """What users may do by themselves, and as members of teams; each with `holder`, `on`, `codename`.

    `users`: which, as a condition on a field named `holder`.
    """
    own = get_user_obj_perms_model(objects).objects.annotate(holder=models.F("user"))
    of_teams = get_group_obj_perms_model(objects).objects.annotate(holder=models.F("group__user"))
    return tuple(
        found.filter(users).annotate(
            on=models.F("content_object"), codename=models.F("permission__codename")
        )
        for found in (own, of_teams)
    )


def holds(
    codename: str, objects: type[models.Model], *, user: models.F, object_id: models.F | int
) -> models.Q:
    """The same rule as `held_by`, as a condition inside a query (`user`, `object_id`: refs)."""
    return _held(codename, objects, user=user, content_object=object_id)


def holds_any(
    codename: str, objects: type[models.Model], *, user: models.F, objects_in: models.QuerySet
) -> models.Q:
    """As `holds`, on at least one of the objects with these ids."""
    return _held(codename, objects, user=user, content_object__in=objects_in)


def given_to(groups: Iterable[int], codename: str, objects: type[models.Model]) -> models.QuerySet:
    """The ids of the objects on which one of these groups may do this."""
    return (
        get_group_obj_perms_model(objects)
        .objects.filter(group__in=groups, permission__codename=codename)
        .values("content_object")
    )


def _held(
    codename: str, objects: type[models.Model], *, user: models.F, **which: object
) -> models.Q:
    own = get_user_obj_perms_model(objects).objects.filter(
        user=user, permission__codename=codename, **which
    )
    of_teams = get_group_obj_perms_model(objects).objects.filter(
        group__user=user, permission__codename=codename, **which
    )
    return models.Q(models.Exists(own)) | models.Q(models.Exists(of_teams))


def _guardian_holder(holder: models.Model) -> models.Model:
    """Guardian knows groups; a team is one, by its parent row."""
    if isinstance(holder, Group) and type(holder) is not Group:
        return holder.group_ptr
    return holder
