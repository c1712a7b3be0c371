"""delay.py: both servers over a path with delay, where what may be under way at once decides the
speed: files up and down through a relay that hands every byte on after half the round trip.

usage: delay.py BUILD WORK [--rounds N] [--mib N]. Started by bench.sh --delay, in the directory WORK.
"""
import argparse
import collections
import os
import pwd
import selectors
import socket
import statistics
import subprocess
import threading
import time

from servers import start_sallyport, start_sshd

CHUNK = 256 * 1024
QUEUE_BYTES = 64 * 1024 * 1024  # on the way, in one direction: more than any window


class Way:
    """One direction of a connection: bytes, and when each lot of them is due."""

    def __init__(self, source, target, delay):
        self.source, self.target, self.delay = source, target, delay
        self.lots = collections.deque()
        self.bytes = 0
        self.is_ended = False

    def take(self):
        try:
            data = self.source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.is_ended = not data
        self.lots.append((time.monotonic() + self.delay, data))
        self.bytes += len(data)

    def give(self, now):
        """Hand on what is due. Seconds until more is; None: nothing is on the way."""
        while self.lots and self.lots[0][0] <= now:
            due, data = self.lots.popleft()
            self.bytes -= len(data)
            try:
                if not data:
                    self.target.shutdown(socket.SHUT_WR)
                    continue
                sent = self.target.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.is_ended = True
                return None
            if sent < len(data):
                self.lots.appendleft((due, data[sent:]))
                self.bytes += len(data) - sent
                return 0.001
        return max(0.0, self.lots[0][0] - now) if self.lots else None


class Relay(threading.Thread):
    """Listens on a port of its own, for one connection after the other."""

    def __init__(self, port, round_trip):
        super().__init__(daemon=True)
        self.target, self.delay = port, round_trip / 2
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.create_connection(("127.0.0.1", self.target))
            for end in (client, server):
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.serve(Way(client, server, self.delay), Way(server, client, self.delay))
            client.close()
            server.close()

    @staticmethod
    def serve(*ways):
        while not all(way.is_ended and not way.lots for way in ways):
            now = time.monotonic()
            waits = [wait for wait in (way.give(now) for way in ways) if wait is not None]
            with selectors.DefaultSelector() as selector:
                for way in ways:
                    if not way.is_ended and way.bytes < QUEUE_BYTES:
                        selector.register(way.source, selectors.EVENT_READ, way)
                if not selector.get_map():
                    time.sleep(min(waits, default=0.001))
                    continue
                for key, _ in selector.select(min(waits, default=None)):
                    key.data.take()


def transfer(server, port, work, batch):
    begin = time.monotonic()
    subprocess.run(
        ["sftp", "-q", "-b", "-", "-F", "/dev/null", "-P", str(port), "-i", f"{work}/key",
         "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=no",
         "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"{server.user}@127.0.0.1"],
        input=batch.encode(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("work")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=256)
    options = parser.parse_args()
    os.chdir(options.work)
    user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    files = f"{options.work}/files"
    os.makedirs(files, exist_ok=True)
    os.chmod(files, 0o777)
    with open(f"{options.work}/big", "wb") as file:
        file.truncate(options.mib << 20)
    servers = (start_sallyport(options.work, files, user, options.build),
               start_sshd(options.work, files, user))
    print(f"{'':28} {'sallyport':>10} {'sshd':>10} MiB/s    ours/sshd")
    try:
        for round_trip in (0.05, 0.1):
            relays = {server.name: Relay(server.port, round_trip) for server in servers}
            for relay in relays.values():
                relay.start()
            for name, command in (("put", "put {work}/big {big}"), ("get", "get {big} {work}/back")):
                speeds = {server.name: [] for server in servers}
                for number in range(options.rounds):
                    for server in servers if number % 2 == 0 else reversed(servers):
                        batch = command.format(work=options.work, big=server.path("big")) + "\n"
                        took = transfer(server, relays[server.name].port, options.work, batch)
                        speeds[server.name].append(options.mib / took)
                ours, theirs = (statistics.median(speeds[server.name]) for server in servers)
                print(f"{name}, round trip {round_trip * 1000:3.0f} ms       {ours:10.1f} "
                      f"{theirs:10.1f}          {ours / theirs:5.2f}", flush=True)
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
