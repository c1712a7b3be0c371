"""variants.py BUILD WORK isolation|hooks [ROUNDS]: the same daemon configured in several ways, in
turns: put and get of 256 MiB with sftp, seconds and CPU seconds of the server.

isolation: a storage provider in the worker, and in a process of its own.
hooks: without hooks; with sftp-audit, a line for each transfer; and a line for each operation, every
read and write included.

WORK has what bench.sh puts there (key, host_key, plugins); as with bench.sh, best on a machine that
has nothing else to do.
"""
import json
import os
import statistics
import subprocess
import sys
import time

from servers import Server, free_port

MIB = 256


def isolated(config, work):
    config["plugins"][1]["isolation"] = "process"


def audited(what, **more):
    def patch(config, work):
        sink = {"what": what, "file": f"{work}/audit-{what}.log", **more}
        config["plugins"].append({"name": "audit", "plugin": "sftp-audit", "config": sink})
        config["chains"]["sftp"] = ["audit"]
    return patch


VARIANTS = {
    "isolation": {"in-process": None, "process": isolated},
    "hooks": {"no-hook": None, "transfers": audited("transfers"),
              "operations": audited("operations", families=["open", "close", "read", "write"])},
}


def start(work, files, build, name, patch):
    port = free_port()
    state = f"{work}/state-{name}"
    os.makedirs(state, exist_ok=True)
    with open(f"{work}/key.pub", encoding="ascii") as file:
        key = file.read().strip()
    with open(f"{state}/users.json", "w", encoding="utf-8") as file:
        json.dump({"users": [{"name": "bench", "keys": [key], "root": files,
                              "permit": ["sftp", "exec", "shell"]}]}, file)
    os.chmod(f"{state}/users.json", 0o600)
    config = {
        "state_directory": state, "workers": 1, "user": "root" if os.getuid() == 0 else None,
        "listeners": [{"address": "127.0.0.1", "port": port}],
        "host_keys": {"files": [f"{work}/host_key"]},
        "plugin_directories": [f"{work}/plugins"],
        "plugins": [
            {"name": "users", "plugin": "auth-file", "config": {"users_file": f"{state}/users.json"}},
            {"name": "files", "plugin": "fs-posix"}],
        "chains": {"auth": ["users"]},
        "mounts": [{"path": "/", "provider": "files"}]}
    if config["user"] is None:
        del config["user"]
    if patch:
        patch(config, work)
    with open(f"{state}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    return Server(name, [f"{build}/sallyportd", "--config", f"{state}/config.json"], port, "/",
                  "bench")


def transfer(server, work, command):
    cpu, begin = server.cpu(), time.monotonic()
    subprocess.run(["sftp", "-q", "-b", "-", "-P", str(server.port), "-i", f"{work}/key",
                    "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                    "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR",
                    "-c", "aes128-gcm@openssh.com", "bench@127.0.0.1"],
                   input=command.encode(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin, server.cpu() - cpu


def main():
    build, work, subject = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    os.chdir(work)
    files = f"{work}/files"
    os.makedirs(files, exist_ok=True)
    with open(f"{work}/source", "wb") as file:
        for _ in range(MIB):
            file.write(os.urandom(1 << 20))
    servers = [start(work, files, build, name, patch) for name, patch in VARIANTS[subject].items()]
    found = {}
    for number in range(rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            for what, command in (("put", f"put {work}/source file\n"),
                                  ("get", f"get file {work}/target\n")):
                found.setdefault((what, server.name), []).append(transfer(server, work, command))
    for what in ("put", "get"):
        for index, unit in ((0, "s"), (1, "s CPU")):
            least = statistics.median(row[index] for row in found[what, servers[0].name])
            for server in servers:
                value = statistics.median(row[index] for row in found[what, server.name])
                print(f"{what} {MIB} MiB, {server.name:12} {value:7.3f} {unit:6} {value / least:5.2f}")
    for server in servers:
        server.process.terminate()


if __name__ == "__main__":
    main()
