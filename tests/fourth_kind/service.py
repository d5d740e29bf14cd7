"""The gift card service: a ledger in memory behind real HTTP, and the faults of a real one."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a secret for tests"


class GiftCardService:
    """`fault`: "" | "hang after effect" | a code that it refuses with. A key makes one card."""

    def __init__(self) -> None:
        self.cards: dict[str, dict[str, Any]] = {}
        self.made: list[str] = []  # the ledger: one entry for each effect
        self.sendings = 0  # also those that a key made harmless
        self.fault = ""
        self._over = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                service.sendings += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if service.fault and service.fault != "hang after effect":
                    return self._say(422, self._refusal(body))
                key = self.headers["Idempotency-Key"]
                if key not in service.cards:
                    card = {
                        **body,
                        "id": self.path.rsplit("/", 1)[1],
                        "reference": f"card-{len(service.made)}",
                    }
                    service.cards[key] = card
                    service.made.append(key)
                if service.fault:
                    service._over.wait(60)
                    return None
                return self._say(200, service.cards[key])

            def _refusal(self, body: dict[str, Any]) -> dict[str, Any]:
                """Says more than it should: the caller's secret, and whom the card was for."""
                secret = self.headers["Authorization"].removeprefix("Bearer ")
                return {"error": service.fault, "for": body["recipient"], "asked with": secret}

            def do_GET(self) -> None:
                wanted = self.path.rsplit("/", 1)[1]
                found = [card for card in service.cards.values() if card["id"] == wanted]
                self._say(200, found[0]) if found else self._say(404, {"error": "not_found"})

            def _say(self, status: int, fields: dict[str, Any]) -> None:
                body = json.dumps(fields).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
