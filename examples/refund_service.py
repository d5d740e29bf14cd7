"""A shop's service that asks Approval Queue for refunds: once each, whatever dies in between.

    AQ_URL=https://approvals.example.org/api/v1 AQ_TOKEN=aq_… AQ_SHOP=shop.sqlite3 \
        python examples/refund_service.py

The shop writes what it wants into a table of its own (refund_service.sql). A row has its key before
anything is sent; every try, also of the next process, sends the same bytes under the same key.
"""

import contextlib
import logging
import os
import signal
import sqlite3
import threading

import httpx

WAITS_S, PAUSE_S = (0, 1, 2, 4, 8, 16, 32), 1
MAY_PASS = ["command-in-flight", "rate-limited", "internal", "unavailable"]
TO_MEND = ["unauthenticated", "not-allowed"]  # a wrong token is no reason to drop a refund
log, stop = logging.getLogger("refunds"), threading.Event()


def is_final(answer: httpx.Response) -> bool:
    """Not final is what may pass, and what somebody else answered, such as a proxy's page."""
    kind = "application/json" if answer.is_success else "application/problem+json"
    is_ours = answer.headers.get("Content-Type") == kind
    return is_ours and answer.json().get("type", "")[len("/problems/") :] not in MAY_PASS + TO_MEND


def call(api: httpx.Client, method: str, path: str, **sent) -> httpx.Response:
    """The first final answer. Raise `TimeoutError` after the last try: it is left for later."""
    told = ""
    for wait in WAITS_S:
        if stop.wait(max(wait, int(told) if told.isdecimal() else 0)):
            break
        try:
            answer = api.request(method, path, **sent)
            if is_final(answer):
                return answer
            told, said = answer.headers.get("Retry-After", ""), answer.text[:300]
        except httpx.HTTPError as error:  # no answer is no failure: the same key finds out
            told, said = "", repr(error)
        log.warning("%s %s has no final answer: %s", method, path, said)
    raise TimeoutError(path)


def ask(api: httpx.Client, shop: sqlite3.Connection, row: int, key: str, body: str) -> None:
    """A replay is answered like the first time, so nothing here asks which of them it is."""
    told = call(api, "POST", "/requests", content=body, headers={"Idempotency-Key": key}).json()
    ref, refused = (None, told["detail"]) if "detail" in told else (told["ref"], None)
    with shop:
        shop.execute("UPDATE refunds SET ref = ?, refused = ? WHERE id = ?", [ref, refused, row])
    log.info("Refund %s: %s", row, ref or refused)


def follow(api: httpx.Client, shop: sqlite3.Connection) -> None:
    """An event comes at least once. It only says which request to read again: twice does no harm."""
    page = call(api, "GET", "/events", params=dict(shop.execute("SELECT * FROM place")))
    states = {event["target"]["id"]: "" for event in page.raise_for_status().json()["items"]}
    for ref in states:
        states[ref] = call(api, "GET", f"/requests/{ref}").json().get("state", "out of sight")
        log.info("%s is %s", ref, states[ref])
    with shop:  # the cursor moves on together with what it brought, or not at all
        shop.executemany("REPLACE INTO states VALUES (?, ?)", states.items())
        shop.execute("REPLACE INTO place VALUES ('after', ?)", [page.json()["cursor"]])


def main() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    shop = sqlite3.connect(os.environ["AQ_SHOP"], timeout=30)
    sent = {"Authorization": f"Bearer {os.environ['AQ_TOKEN']}", "Content-Type": "application/json"}
    with httpx.Client(base_url=os.environ["AQ_URL"], headers=sent, timeout=10) as api:
        while not stop.wait(PAUSE_S):
            for row in shop.execute("SELECT id, key, body FROM wanted").fetchall():
                with contextlib.suppress(TimeoutError):
                    ask(api, shop, *row)
            with contextlib.suppress(TimeoutError):
                follow(api, shop)


if __name__ == "__main__":
    main()
