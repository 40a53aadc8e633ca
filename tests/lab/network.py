"""Two network namespaces and the links between them.

The near one is the namespace that the lab itself was started in (run.sh makes it), the far one is
held by a process. Both end with the processes in them, so nothing is left behind, not even by
kill -9.
"""
import os
import subprocess

import servers

RATE = "120mbit"
BURST = "16kb"
QUEUE = "50ms"  # longest wait in the queue of a link; what would wait longer is dropped


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


class Link:
    """A veth pair. The near device is shaped by a token bucket where `is_shaped`."""

    def __init__(self, far, device, number, is_shaped):
        self.far, self.device = far, device
        self.near_address, self.far_address = f"10.99.{number}.1", f"10.99.{number}.2"
        self.far_device = f"far{number}"
        run("ip", "link", "add", device, "type", "veth", "peer", "name", self.far_device,
            "netns", far.pid)
        run("ip", "address", "add", f"{self.near_address}/24", "dev", device)
        run("ip", "link", "set", device, "up")
        far.run("ip", "address", "add", f"{self.far_address}/24", "dev", self.far_device)
        far.run("ip", "link", "set", self.far_device, "up")
        if is_shaped:
            self._bucket("add", RATE)

    def _bucket(self, verb, rate):
        run("tc", "qdisc", verb, "dev", self.device, "root", "tbf", "rate", rate, "burst", BURST,
            "latency", QUEUE)

    def set_rate(self, rate=RATE):
        self._bucket("change", rate)

    def set_up(self, is_up):
        run("ip", "link", "set", self.device, "up" if is_up else "down")

    def drop(self, share):
        """Loses this share of the packets, at random, where they come out of the link: a classic
        BPF program, `ld random; drop if below the share`. (netem is not in every kernel.)"""
        below = int(share * 2**32)
        program = f"4,32 0 0 4294963256,37 0 1 {below},6 0 0 0,6 0 0 2"
        self.far.run("tc", "qdisc", "add", "dev", self.far_device, "clsact")
        self.far.run("tc", "filter", "add", "dev", self.far_device, "ingress", "bpf",
                     "direct-action", "bytecode", program)

    def drop_nothing(self):
        self.far.run("tc", "qdisc", "del", "dev", self.far_device, "clsact")


class Far:
    """The far namespace, held by a process of its own."""

    def __init__(self, folder):
        self._holder = servers.Server("far", ["unshare", "--net", "sleep", "infinity"], folder)
        self._holder.start()
        self.pid = self._holder.process.pid
        own = os.readlink("/proc/self/ns/net")
        servers.wait_until(lambda: os.readlink(f"/proc/{self.pid}/ns/net") != own,
                           "the far namespace is there", servers=[self._holder])
        run("ip", "link", "set", "lo", "up")
        self.run("ip", "link", "set", "lo", "up")

    def command(self, *command):
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *command]

    def run(self, *command):
        run(*self.command(*command))

    def stop(self):
        self._holder.stop()
