"""servers: sallyportd and sshd side by side, with one user and one tree of files, and what each
costs: CPU and memory of its processes, the reaped ones included."""
import json
import os
import socket
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A daemon, its processes and how to name a file on it."""

    def __init__(self, name, command, port, prefix, user):
        self.name, self.port, self.prefix, self.user = name, port, prefix, user
        self.log = open(f"{name}.log", "wb")
        reaper = [sys.executable, os.path.join(os.path.dirname(__file__), "reaper.py")]
        self.process = subprocess.Popen(reaper + command, stdout=self.log, stderr=self.log)
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    if probe.recv(4) == b"SSH-":
                        return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{self.name} did not start; see {self.log.name}")

    def path(self, name):
        return self.prefix + name

    def processes(self):
        """The daemon and all below it."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                        fields = file.read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                children.setdefault(int(fields[1]), []).append(int(entry))
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found

    def cpu(self):
        """CPU seconds used so far."""
        total = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
                total += sum(int(field) for field in fields[11:15])
            except OSError:
                pass
        return total / TICKS

    def memory_kib(self):
        """Proportional set size."""
        total = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
            except OSError:
                pass
        return total

    def settled_cpu(self):
        """CPU once the processes of ended connections are gone or quiet."""
        before = self.cpu()
        for _ in range(40):
            time.sleep(0.1)
            now = self.cpu()
            if now == before:
                return now
            before = now
        return before

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def start_sshd(work, files, user):
    port = free_port()
    with open("sshd_config", "w", encoding="ascii") as file:
        file.write(f"""Port {port}
ListenAddress 127.0.0.1
HostKey {work}/host_key
AuthorizedKeysFile {work}/key.pub
StrictModes no
UsePAM no
PidFile none
MaxStartups 1000
MaxSessions 100
PermitRootLogin yes
Subsystem sftp internal-sftp
""")
    os.makedirs("/run/sshd", exist_ok=True)
    return Server("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", f"{work}/sshd_config"], port,
                  files + "/", user)


def start_sallyport(work, files, user, build):
    port = free_port()
    with open(f"{work}/key.pub", encoding="ascii") as file:
        key = file.read().strip()
    with open("users.json", "w", encoding="ascii") as file:
        json.dump({"users": [{"name": user, "keys": [key], "root": files}]}, file)
    os.chmod("users.json", 0o600)
    configuration = {
        "state_directory": f"{work}/state",
        "listeners": [{"address": "127.0.0.1", "port": port}],
        "host_keys": {"files": [f"{work}/host_key"]},
        "limits": {"connections": 5000, "startups": "5000:30:5000"},
        "plugin_directories": [f"{work}/plugins"],
        "plugins": [
            {"name": "users", "plugin": "auth-file",
             "config": {"users_file": f"{work}/users.json"}},
            {"name": "files", "plugin": "fs-posix"},
        ],
        "chains": {"auth": ["users"]},
        "mounts": [{"path": "/", "provider": "files"}],
    }
    if os.getuid() == 0:
        configuration["user"] = user
        os.chown("users.json", 0, 0)
        subprocess.run(["chown", user, "users.json", files], check=True)
    os.makedirs("state", exist_ok=True)
    with open("sallyport.json", "w", encoding="ascii") as file:
        json.dump(configuration, file, indent=4)
    return Server("sallyport", [f"{build}/sallyportd", "--config", f"{work}/sallyport.json"], port,
                  "/", user)
