#!/usr/bin/env python3
"""A long cable: carries frames between two interfaces, each DELAY ms late.

usage: cable.py IF1 IF2 DELAY. Says "ready" when it carries. This kernel has no netem.
Frames travel with their virtio header, so that checksums and segments that the
sender left to the "card" stay as they are.
"""
import collections
import select
import socket
import sys
import time

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 3
LARGEST = 10 + 14 + 65536
BUFFER = 8 << 20


def end(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    s.bind((name, ETH_P_ALL))
    s.setblocking(False)
    return s


def take(source, queue, due):
    while True:
        try:
            queue.append((due, source.recv(LARGEST)))
        except BlockingIOError:
            return


def give(queue, target, now):
    while queue and queue[0][0] <= now:
        try:
            target.send(queue[0][1])
        except OSError:
            pass  # a full queue or a peer that is down loses it, as a cable would
        queue.popleft()


def main():
    first, second, delay = end(sys.argv[1]), end(sys.argv[2]), float(sys.argv[3]) / 1000
    ways = {first: (collections.deque(), second), second: (collections.deque(), first)}
    print("ready", flush=True)
    while True:
        heads = [queue[0][0] for queue, _ in ways.values() if queue]
        wait = max(0, min(heads) - time.monotonic()) if heads else None
        readable, _, _ = select.select(list(ways), [], [], wait)
        for source in readable:
            take(source, ways[source][0], time.monotonic() + delay)
        for queue, target in ways.values():
            give(queue, target, time.monotonic())


main()
