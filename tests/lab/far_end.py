#!/usr/bin/env python3
"""The far end of a link: answers UDP probes and counts what arrives on TCP connections.

far_end.py ADDRESS

Prints one line of JSON, {"udp": PORT, "tcp": PORT}, and serves until it is stopped. A UDP packet is
sent back as it is. On a TCP connection everything is read and thrown away; the number of bytes so
far goes back as eight bytes, big-endian, ten times a second.
"""
import json
import socket
import struct
import sys
import threading
import time

REPORT_SECONDS = 0.1
WAKE_BYTES = 1 << 16


def echo(udp: socket.socket) -> None:
    while True:
        data, sender = udp.recvfrom(2048)
        try:
            udp.sendto(data, sender)
        except OSError:
            pass  # the way back is down: the probe is lost, which is what is measured


def sink(connection: socket.socket) -> None:
    buffer, received, reported = bytearray(1 << 18), 0, time.monotonic()
    try:
        with connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, WAKE_BYTES)
            while count := connection.recv_into(buffer):
                received += count
                if time.monotonic() - reported >= REPORT_SECONDS:
                    reported = time.monotonic()
                    connection.sendall(struct.pack(">Q", received))
    except OSError:
        pass  # the near end gave up and will connect again


def main() -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((sys.argv[1], 0))
    tcp = socket.create_server((sys.argv[1], 0))
    threading.Thread(target=echo, args=(udp,), daemon=True).start()
    print(json.dumps({"udp": udp.getsockname()[1], "tcp": tcp.getsockname()[1]}), flush=True)
    while True:
        threading.Thread(target=sink, args=(tcp.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    main()
