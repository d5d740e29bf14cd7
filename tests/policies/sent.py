"""What a browser sends of the form on a page: as it was shown, but for what somebody typed."""

from html.parser import HTMLParser


class Fields(HTMLParser):
    """What a browser would send of a page's form, as it was shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self._select = self._area = ""
        self._first = self._chosen = None
        self._text = ""
        self.feed(page.partition("<main")[2])

    def handle_starttag(self, tag: str, attrs: list) -> None:
        found = {name: value if value is not None else "" for name, value in attrs}
        name = found.get("name", "")
        if tag == "input" and name:
            self._input(found, name)
        elif tag == "select":
            self._select, self._first, self._chosen = name, None, None
        elif tag == "option" and self._select:
            self._first = found["value"] if self._first is None else self._first
            self._chosen = found["value"] if "selected" in found else self._chosen
        elif tag == "textarea":
            self._area, self._text = name, ""

    def _input(self, found: dict, name: str) -> None:
        is_box = found.get("type") == "checkbox"
        if not is_box or "checked" in found:
            self.sent.append((name, found.get("value", "on" if is_box else "")))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            chosen = self._first if self._chosen is None else self._chosen
            self.sent.append((self._select, chosen or ""))
            self._select = ""
        elif tag == "textarea":
            self.sent.append((self._area, self._text.removeprefix("\n")))


def sent(page: str, **changes: object) -> dict[str, list[str]]:
    """As it was shown, but for `changes`."""
    found: dict[str, list[str]] = {}
    for name, value in Fields(page).sent:
        found.setdefault(name, []).append(value)
    for name, value in changes.items():
        found[name.replace("__", "-")] = value if isinstance(value, list) else [str(value)]
    return found
