"""A TCP proxy between a program and a server, whose connections can be cut.

`python -m tests.fakes.line --port N --to M --control C`: a word that is sent to the
control port sets the mode. `through` forwards connections, `refused` does not listen, `silent` accepts connections
and never answers. Each change of the mode cuts the open connections.
"""

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from pathlib import Path

from config.devtools import processes
from config.devtools.managed_process import ManagedProcess

THROUGH, REFUSED, SILENT = "through", "refused", "silent"
_CHUNK = 1 << 16


class Line:
    """The proxy, between two ports of the loopback."""

    def __init__(self, port: int, to: int) -> None:
        self.port, self.to = port, to
        self.mode = THROUGH
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def change(self, mode: str) -> None:
        """Set the mode: through, refused or silent; ValueError for any other word."""
        if mode not in {THROUGH, REFUSED, SILENT}:
            raise ValueError(mode)
        self.mode = mode
        for writer in list(self._open):
            writer.transport.abort()
        if mode == REFUSED and self._server is not None:
            self._server.close()
            self._server = None
        elif mode != REFUSED and self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Set the mode that one line names; answer ok or unknown."""
        try:
            await self.change((await reader.readline()).decode().strip())
            writer.write(b"ok\n")
        except ValueError:
            writer.write(b"unknown\n")
        await writer.drain()
        writer.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self.mode == SILENT:
                await asyncio.Event().wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
            self._open.add(back)
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        except OSError:
            writer.transport.abort()
        finally:
            self._open.discard(writer)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _serve(port: int, to: int, control: int) -> None:
    line = Line(port, to)
    await line.change(THROUGH)
    async with await asyncio.start_server(line.control, "127.0.0.1", control):
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await ended.wait()


class Running:
    """The proxy as a process of its own."""

    def __init__(self, to: int, log: Path) -> None:
        self.port, self._control = processes.free_port(), processes.free_port()
        command = [sys.executable, "-m", "tests.fakes.line", "--port", str(self.port)]
        command += ["--to", str(to), "--control", str(self._control)]
        self._process = ManagedProcess(command, output=log)
        if not processes.wait_until(lambda: processes.answers(self._control), seconds=30):
            raise RuntimeError("the proxy did not start")

    def change(self, mode: str) -> None:
        """Set the mode and wait until it is set."""
        with socket.create_connection(("127.0.0.1", self._control), timeout=10) as connection:
            connection.sendall(f"{mode}\n".encode())
            if connection.recv(16) != b"ok\n":
                raise RuntimeError(f"the proxy did not become {mode}")

    def close(self) -> None:
        """Stop it."""
        self._process.close()


def main() -> None:
    """Run the proxy until SIGTERM."""
    parser = argparse.ArgumentParser(description="A line that can be cut.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", type=int, required=True)
    parser.add_argument("--control", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.to, options.control))


if __name__ == "__main__":
    main()
