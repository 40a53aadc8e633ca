#!/usr/bin/env python3
"""The ordinary life of a small host: some CPU, some disk, some memory, some packets, all wandering.

base_load.py FOLDER ADDRESS UDP_PORT [SEED]

Burns 3 to 12 percent of one core, writes 4 to 16 blocks a second to FOLDER and waits until the disk
has them, holds 64 to 128 MiB, and exchanges 60 to 140 packets a second with far_end.py.
"""
import os
import random
import socket
import sys
import threading
import time

STEP_SECONDS = 0.1
BLOCK_BYTES = 8192
MIB = 1 << 20


class Wander:
    """A value that wanders between two bounds: a first-order autoregression over minutes."""

    def __init__(self, rng: random.Random, least: float, most: float):
        self._rng, self._least, self._most, self._x = rng, least, most, 0.0

    def next(self) -> float:
        self._x = 0.995 * self._x + self._rng.gauss(0, 0.04)
        middle, reach = (self._least + self._most) / 2, (self._most - self._least) / 2
        return middle + reach * max(-1.0, min(1.0, self._x + self._rng.gauss(0, 0.15)))


def answer_nothing(udp: socket.socket) -> None:
    while True:
        try:
            udp.recv(2048)
        except OSError:
            pass  # the peer is not there for a moment


def main() -> None:
    folder, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    busy, blocks = Wander(rng, 0.03, 0.12), Wander(rng, 4, 16)
    memory, packets = Wander(rng, 64, 128), Wander(rng, 60, 140)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect((address, port))
    threading.Thread(target=answer_nothing, args=(udp,), daemon=True).start()
    held: list[bytearray] = []
    disk = os.open(os.path.join(folder, "base_load.data"), os.O_CREAT | os.O_WRONLY, 0o600)
    owed_blocks = owed_packets = 0.0
    while True:
        begin = time.monotonic()
        owed_blocks += blocks.next() * STEP_SECONDS
        owed_packets += packets.next() * STEP_SECONDS
        for _ in range(int(owed_blocks)):
            os.pwrite(disk, os.urandom(BLOCK_BYTES), rng.randrange(1024) * BLOCK_BYTES)
            os.fdatasync(disk)
        for _ in range(int(owed_packets)):
            try:
                udp.send(b"x" * 200)
            except OSError:
                pass  # as above
        owed_blocks, owed_packets = owed_blocks % 1, owed_packets % 1
        wanted = int(memory.next())
        if len(held) < wanted:
            held.append(bytearray(os.urandom(1) * MIB))
        elif len(held) > wanted:
            held.pop()
        until = time.process_time() + busy.next() * STEP_SECONDS
        while time.process_time() < until:
            pass
        time.sleep(max(0.0, STEP_SECONDS - (time.monotonic() - begin)))


if __name__ == "__main__":
    main()
