"""What a browser is called, from what it says of itself: anybody can say anything there."""

from ua_parser import parse


def browser_called(user_agent: str) -> str:
    """“Chrome on Windows”; "Unknown browser" for what is not known."""
    found = parse(user_agent)
    browser = found.user_agent.family if found.user_agent else "Unknown browser"
    return f"{browser} on {found.os.family}" if found.os else browser
