#!/usr/bin/env python3
"""Sends bursts of UDP packets through a link, as a badly paced application does.

bursts.py ADDRESS UDP_PORT

Each burst is 120 packets of 1400 bytes at once, 11 ms of a 120 Mbit/s link, every 40 to 120 ms.
"""
import random
import socket
import sys
import time

PACKETS = 120


def main() -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.connect((sys.argv[1], int(sys.argv[2])))
    while True:
        for _ in range(PACKETS):
            try:
                udp.send(b"x" * 1400)
            except OSError:
                pass  # nobody listens there; the packets went through the link all the same
        time.sleep(random.uniform(0.04, 0.12))


if __name__ == "__main__":
    main()
