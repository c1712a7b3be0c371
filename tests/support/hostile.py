"""hostile: what the hostile cases share: the raw client's names, the daemon under test (from the
environment that lib.sh sets), and the check that everybody else is still served."""
import os
import time  # noqa: F401  (for the cases)

import rawsftp as sftp  # noqa: F401
import rawssh
from rawssh import *  # noqa: F401,F403
from rawsftp import Sftp, ChannelEnd, attributes  # noqa: F401

PORT = int(os.environ["PORT"])
USER, PASSWORD = "alice", os.environ["PASSWORD"]


def client(**options):
    """After the key exchange."""
    return rawssh.connect(PORT, **options)


def fresh(**options):
    """Connected, nothing said."""
    return rawssh.Client(PORT, **options)


def user(name=USER, **options):
    """Authenticated."""
    return rawssh.login(PORT, name, PASSWORD, **options)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def others_are_served():
    """A polite client gets all it asks for."""
    polite = user()
    channel = polite.open_session()
    check(channel.exec("echo polite"), "exec refused")
    check(channel.collect()["out"] == b"polite\n", "output of a polite client's command")
    polite.close()


def worker_rss_kib(field="VmRSS"):
    """Resident memory of all workers."""
    total = 0
    for pid in os.environ["WORKERS"].split():
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith(field))
    return total


def worker_peak_kib():
    """The most that it ever was."""
    return worker_rss_kib("VmHWM")


def worker_cpu_s():
    """CPU seconds used by all workers."""
    total = 0
    for pid in os.environ["WORKERS"].split():
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")
