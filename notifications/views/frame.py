"""What every page shows of notifications: how many are new, and whether its request is watched."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from notifications import queries


def beside_every_page(request: HttpRequest) -> dict:
    """Asked of the database only when the page shows it, and then once."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    match = request.resolver_match
    ref = match.kwargs.get("ref", "") if match else ""
    return {"beside": SimpleLazyObject(lambda: queries.beside(user, str(ref)))}
