"""`python -m tests.crash.harness.proxy SOCKET`: TCP in front, PostgreSQL's socket behind, faults between.

Reads one JSON object a line: `{"rates": {...}}` sets the probability of each fault at a COMMIT,
`{"reset": n}` and `{"freeze": n, "seconds": s}` strike n open connections now. Answers each line
with what has struck so far. A frozen connection is half open: both ends believe in it, no byte
passes; it ends with a reset.
"""

import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
from collections import Counter

COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
READY = b"Z\x00\x00\x00\x05"  # the server's "ready for the next command"
RATES = ("before_commit", "after_commit", "half_open", "delay")
HALF_OPEN_SECONDS = 6.0
DELAY_SECONDS = 0.2


class Line:
    """One client's connection and the one behind it."""

    def __init__(
        self,
        proxy: "Proxy",
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.proxy = proxy
        self.client_reader, self.client = client
        self.server_reader, self.server = server
        self.thaws_at = 0.0
        self.drops_next_answer = False

    async def run(self) -> None:
        ways = [asyncio.ensure_future(self._requests()), asyncio.ensure_future(self._answers())]
        _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in pending:
            way.cancel()
        self.end()

    async def _requests(self) -> None:
        while data := await self._read(self.client_reader):
            if COMMIT in data and await self._strikes():
                return
            self.server.write(data)
            await self.server.drain()

    async def _answers(self) -> None:
        while data := await self._read(self.server_reader):
            if self.drops_next_answer:
                if READY in data:  # it is committed by now; nobody will hear of it
                    return
                continue
            self.client.write(data)
            await self.client.drain()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        try:
            data = await reader.read(65536)
        except (ConnectionError, OSError):
            return b""
        while data and (left := self.thaws_at - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)
            return b""  # whoever thaws finds the line dead
        return data

    async def _strikes(self) -> bool:
        """Whether the COMMIT must not go on to the server."""
        fault = self.proxy.draw()
        if fault == "before_commit":
            return True
        if fault == "after_commit":
            self.drops_next_answer = True
        elif fault == "half_open":
            await self._freeze(HALF_OPEN_SECONDS)
            return True
        elif fault == "delay":
            await asyncio.sleep(DELAY_SECONDS)
        return False

    async def _freeze(self, seconds: float) -> None:
        self.thaws_at = asyncio.get_running_loop().time() + seconds
        await asyncio.sleep(seconds)

    def freeze(self, seconds: float) -> None:
        self.thaws_at = asyncio.get_running_loop().time() + seconds
        asyncio.get_running_loop().call_later(seconds, self.end)

    def end(self) -> None:
        for writer in (self.client, self.server):
            line = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                # A reset, not a farewell: what is not yet read is gone.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(Exception):
                writer.transport.abort()


class Proxy:
    def __init__(self, path: str, seed: int) -> None:
        self.path = path
        self.random = random.Random(seed)
        self.rates = dict.fromkeys(RATES, 0.0)
        self.struck: Counter[str] = Counter()
        self.lines: set[Line] = set()

    def draw(self) -> str:
        for name in RATES:
            if self.random.random() < self.rates[name]:
                self.struck[name] += 1
                return name
        return ""

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_unix_connection(self.path)
        except OSError:
            writer.transport.abort()
            return
        line = Line(self, (reader, writer), server)
        self.lines.add(line)
        try:
            await line.run()
        finally:
            self.lines.discard(line)

    def order(self, order: dict) -> dict[str, int]:
        if "rates" in order:
            self.rates = dict.fromkeys(RATES, 0.0) | order["rates"]
        for line in self._some(order.get("reset", 0)):
            self.struck["reset"] += 1
            line.end()
        for line in self._some(order.get("freeze", 0)):
            self.struck["half_open"] += 1
            line.freeze(order.get("seconds", HALF_OPEN_SECONDS))
        return dict(self.struck)

    def _some(self, number: int) -> list[Line]:
        return self.random.sample(sorted(self.lines, key=id), min(number, len(self.lines)))


async def main() -> None:
    proxy = Proxy(sys.argv[1], int(sys.argv[2]))
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        print(json.dumps(proxy.order(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
