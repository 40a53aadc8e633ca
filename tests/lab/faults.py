"""The faults: each a context manager that holds the fault while its body runs.

Their size is what an operator would want to be told of, and not more: a host whose cores are all
busy, an eighth of the memory lost in half a minute, a link at half its rate.
"""
import contextlib
import os
import pathlib
import sys
import threading

import servers

HERE = pathlib.Path(__file__).resolve().parent


@contextlib.contextmanager
def _program(stack, name, command):
    server = servers.Server(f"fault_{name}", command, stack.folder).start()
    try:
        yield
    finally:
        server.stop(seconds=5)


def cpu(stack):
    """stress-ng keeps every core busy."""
    return _program(stack, "cpu", ["stress-ng", "--quiet", "--cpu", os.cpu_count()])


@contextlib.contextmanager
def memory(stack):
    """A leak: stress-ng takes 1/256 of the memory a second, up to an eighth."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    leaks, done = [], threading.Event()

    def leak():
        while len(leaks) < 32 and not done.wait(1 if leaks else 0):
            leaks.append(servers.Server("fault_memory", [
                "stress-ng", "--quiet", "--vm", 1, "--vm-bytes", total // 256, "--vm-keep",
                "--vm-hang", 0], stack.folder).start())
    thread = threading.Thread(target=leak)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        for server in leaks:
            server.send(15)
        for server in leaks:
            server.stop(seconds=5)


def disk(stack):
    """stress-ng writes 4 KiB blocks to the disk at random, past the cache."""
    return _program(stack, "disk", [
        "stress-ng", "--quiet", "--temp-path", stack.folder, "--hdd", 1, "--hdd-bytes", "256m",
        "--hdd-write-size", "4k", "--hdd-opts", "direct,wr-rnd"])


def network(stack):
    """iperf3 sends 20 Mbit/s of UDP, 2100 packets a second, where there were a hundred."""
    return _program(stack, "network", [
        "iperf3", "--client", stack.lan.far_address, "--udp", "--bitrate", "20M", "--length",
        1200, "--time", 600])


@contextlib.contextmanager
def bandwidth(stack):
    """The link carries 60 Mbit/s instead of 120; the traffic wants 100."""
    stack.link.set_rate("60mbit")
    try:
        yield
    finally:
        stack.link.set_rate()


def latency(stack):
    """A backup of eight TCP streams fills the queue of the link."""
    return _program(stack, "latency", ["iperf3", "--client", stack.link.far_address,
                                       "--parallel", 8, "--time", 600])


@contextlib.contextmanager
def loss(stack):
    """Two percent of the packets are lost, at random."""
    stack.link.drop(0.02)
    try:
        yield
    finally:
        stack.link.drop_nothing()


def jitter(stack):
    """An application sends bursts through the link."""
    return _program(stack, "jitter", [sys.executable, "-B", HERE / "bursts.py",
                                      stack.link.far_address, stack.link_ports["tcp"]])


@contextlib.contextmanager
def flapping(stack):
    """The link is down for a second and a half of every five."""
    done = threading.Event()

    def flap():
        while not done.is_set():
            stack.link.set_up(False)
            done.wait(1.5)
            stack.link.set_up(True)
            done.wait(3.5)
    thread = threading.Thread(target=flap)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


NODE = {"cpu": cpu, "memory": memory, "disk": disk, "network": network}
LINK = {"bandwidth": bandwidth, "latency": latency, "loss": loss, "jitter": jitter,
        "flapping": flapping}
ALL = [name for pair in zip(LINK, [*NODE, None]) for name in pair if name]


def monitor_of(name):
    return "node" if name in NODE else "dwcp"


def hold(name, stack):
    """The context manager of a fault."""
    return (NODE | LINK)[name](stack)
