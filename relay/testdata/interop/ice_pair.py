"""Pairs of aioice connections that may use nothing but relays exchange data.

Usage: ice_pair.py USERNAME PASSWORD HOST UDP_AND_TCP_PORT TLS_PORT COUNT

For each pair of transports it prints "A B SENT RECEIVED", both directions together.
"""

import asyncio
import ssl
import sys

import aioice
from aioice.ice import TransportPolicy

PAIRS = [("udp", "udp"), ("tcp", "tcp"), ("tls", "tls"), ("udp", "tls"), ("tcp", "udp")]


def connection(transport, controlling):
    user, password, host, plain, secure, _ = sys.argv[1:]
    context = False
    if transport == "tls":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return aioice.Connection(
        ice_controlling=controlling,
        turn_server=(host, int(secure if context else plain)),
        turn_username=user,
        turn_password=password,
        turn_ssl=context,
        turn_transport="udp" if transport == "udp" else "tcp",
        use_ipv6=False,
        transport_policy=TransportPolicy.RELAY,
    )


async def introduce(a, b):
    for c in (a, b):
        await c.gather_candidates()
    for here, there in ((a, b), (b, a)):
        for candidate in there.local_candidates:
            if candidate.type != "relay":
                raise RuntimeError(f"candidate of type {candidate.type}")
            await here.add_remote_candidate(candidate)
        await here.add_remote_candidate(None)
        here.remote_username = there.local_username
        here.remote_password = there.local_password
    await asyncio.gather(a.connect(), b.connect())


async def pair(first, second):
    count = int(sys.argv[6])
    a, b = connection(first, True), connection(second, False)
    await introduce(a, b)
    sent = received = 0
    for i in range(count):  # every remainder of a division by four, up to a full packet
        for here, there in ((a, b), (b, a)):
            data = bytes([i & 255]) * (1 + i * 1199 // max(count - 1, 1))
            await here.send(data)
            sent += 1
            received += await asyncio.wait_for(there.recv(), 10) == data
    print(first, second, sent, received, flush=True)
    await asyncio.gather(a.close(), b.close())
    await asyncio.sleep(0.2)  # closing a connection only begins its last request


async def main():
    await asyncio.gather(*(pair(*p) for p in PAIRS))


asyncio.run(asyncio.wait_for(main(), 45))
