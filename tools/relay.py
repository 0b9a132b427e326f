"""Lets containers reach a server that listens on this machine's loopback address only."""

import asyncio
import contextlib
import ipaddress
import json
import platform
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final
from urllib.parse import urlsplit

BRIDGE: Final = ["docker", "network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"]
DESKTOP_NAME: Final = "host.docker.internal"  # a desktop engine forwards it to the loopback address by itself
READ_BYTES: Final = 65_536
START_SECONDS: Final = 10


@contextlib.contextmanager
def reachable_from_containers(endpoint: str) -> Iterator[str]:
    """The address under which containers of the default bridge reach `endpoint`, while the block runs."""
    if platform.system() != "Linux":
        yield endpoint.replace(str(urlsplit(endpoint).hostname), DESKTOP_NAME)
        return
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()
    gateway = bridge_address()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(gateway, endpoint, started)), daemon=True)
    thread.start()
    loop, stopping, port = started.result(START_SECONDS)
    try:
        yield f"http://{gateway}:{port}"
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


def bridge_address() -> str:
    """This machine's address on the bridge that containers are on by default."""
    rows = json.loads(subprocess.run(BRIDGE, capture_output=True, check=True).stdout)
    networks = [(ipaddress.ip_network(row["Subnet"]), row.get("Gateway")) for row in rows]
    network, gateway = next(row for row in networks if row[0].version == 4)  # noqa: PLR2004 - IPv4
    return gateway or str(network[1])  # an engine that was told no gateway takes the network's first address


async def _serve(
    address: str, endpoint: str, started: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]]"
) -> None:
    target = urlsplit(endpoint)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward, back = await asyncio.open_connection(target.hostname, target.port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back), _copy(onward, writer))

    stopping = asyncio.Event()
    try:
        server = await asyncio.start_server(relay, address, 0)
    except OSError as refused:
        started.set_exception(refused)
        return
    started.set_result((asyncio.get_running_loop(), stopping, server.sockets[0].getsockname()[1]))
    await stopping.wait()
    server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(READ_BYTES):
            writer.write(part)
            await writer.drain()
    writer.close()
