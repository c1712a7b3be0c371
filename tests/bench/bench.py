"""bench.py BUILD WORK [--quick] [--only REGEX]: sallyport beside sshd, in one run, in turns.

For each case the median of its rounds, and the ratio sallyport/sshd: below 1.00 sallyport is the
cheaper or faster one. CPU is the server's only. Started by bench.sh, in the directory WORK.
"""
import argparse
import os
import pwd
import re
import statistics
import subprocess
import time

from servers import start_sallyport, start_sshd

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com")


class Bench:
    def __init__(self, options):
        self.build, self.work = options.build, options.work
        self.rounds = 1 if options.quick else options.rounds
        self.mib = 128 if options.quick else 1024
        self.only = re.compile(options.only)
        self.user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.files = f"{self.work}/files"
        os.makedirs(self.files, exist_ok=True)
        self.servers = (start_sallyport(self.work, self.files, self.user, self.build),
                        start_sshd(self.work, self.files, self.user))

    # --- clients ---

    def sftp_command(self, server, cipher):
        return ["sftp", "-q", "-b", "-", "-F", "/dev/null", "-c", cipher, "-P", str(server.port),
                "-i", f"{self.work}/key", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
                "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.work}/known",
                "-o", "LogLevel=ERROR", f"{server.user}@127.0.0.1"]

    def sftp(self, server, batch, cipher=CIPHERS[0]):
        subprocess.run(self.sftp_command(server, cipher), input=batch.encode(), check=True,
                       stdout=subprocess.DEVNULL)

    def clients(self, server, *arguments):
        return subprocess.Popen(
            [f"{self.work}/clients", str(server.port), server.user, f"{self.work}/key",
             *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run_clients(self, server, *arguments):
        process = self.clients(server, *arguments)
        process.communicate()
        if process.returncode:
            raise SystemExit(f"clients failed with {server.name}")

    # --- measuring ---

    def compare(self, name, action, per=1.0, unit="s"):
        """Run action(server) for both in turns; print CPU and wall time, divided by per."""
        if not self.only.search(name):
            return
        cpu, wall = {}, {}
        for number in range(self.rounds):
            for server in self.servers if number % 2 == 0 else reversed(self.servers):
                cpu_before, begin = server.settled_cpu(), time.monotonic()
                action(server)
                wall.setdefault(server.name, []).append((time.monotonic() - begin) / per)
                cpu.setdefault(server.name, []).append((server.settled_cpu() - cpu_before) / per)
        self.line(name + ", server CPU", unit, cpu)
        self.line(name + ", wall", unit, wall)

    @staticmethod
    def line(name, unit, values):
        ours = statistics.median(values["sallyport"])
        theirs = statistics.median(values["sshd"])
        ratio = f"{ours / theirs:5.2f}" if theirs else "    -"
        print(f"{name:44} {ours:10.3f} {theirs:10.3f} {unit:8} {ratio}", flush=True)

    # --- cases ---

    def make_big_file(self):
        if os.path.exists(f"{self.files}/big"):
            return
        with open(f"{self.files}/big", "wb") as file:
            for _ in range(self.mib):
                file.write(os.urandom(1 << 20))

    def transfers(self):
        size = self.mib << 20
        local = f"{self.work}/copy"
        self.make_big_file()
        subprocess.run(["cp", f"{self.files}/big", local], check=True)
        per = size / (1 << 30)
        for cipher in CIPHERS:
            short = cipher.split("@")[0]
            self.compare(f"get {short}", lambda server, c=cipher: self.sftp(
                server, f"get {server.path('big')} {self.work}/got", c), per, "s/GiB")
            self.compare(f"put {short}", lambda server, c=cipher: self.sftp(
                server, f"put {local} {server.path('up-' + server.name)}", c), per, "s/GiB")
        os.remove(local)

    def handshakes(self):
        count = 50 if self.mib < 1024 else 300
        self.compare("handshake, key, sftp start", lambda server: self.run_clients(
            server, "cycle", count), count / 1000, "ms each")

    def small_files(self):
        count = 2000
        os.makedirs(f"{self.work}/small", exist_ok=True)
        for number in range(count):
            with open(f"{self.work}/small/{number}", "wb") as file:
                file.write(os.urandom(4096))
        for server in self.servers:
            self.sftp(server, f"-mkdir {server.path('small-' + server.name)}")

        def put(server):
            self.sftp(server, f"put -r {self.work}/small/* {server.path('small-' + server.name)}/")

        def get(server):
            self.sftp(server, f"get -r {server.path('small-' + server.name)} {self.work}/small-got")
        self.compare("put 2,000 files of 4 KiB", put)
        self.compare("get 2,000 files of 4 KiB", get)

    def metadata(self):
        os.makedirs(f"{self.files}/many", exist_ok=True)
        for number in range(10000):
            open(f"{self.files}/many/entry-{number}", "w", encoding="ascii").close()
        self.compare("list 10,000 entries, ten times", lambda server: self.sftp(
            server, f"ls -1f {server.path('many')}\n" * 10))
        count = 20000
        self.compare("20,000 stats", lambda server: self.run_clients(
            server, "stat", count, server.path("many/entry-77")))

    def reads_together(self):
        """64 clients at a time, 100 reads of 4 KiB each."""
        if not self.only.search("small reads"):
            return
        self.make_big_file()
        median, late = {}, {}
        for number in range(self.rounds):
            for server in self.servers if number % 2 == 0 else reversed(self.servers):
                process = self.clients(server, "read", 64, server.path("big"))
                figures = process.communicate()[0].split()
                if process.returncode:
                    raise SystemExit(f"clients failed with {server.name}")
                median.setdefault(server.name, []).append(float(figures[0]))
                late.setdefault(server.name, []).append(float(figures[1]))
        self.line("small reads by 64 clients, median", "us", median)
        self.line("small reads by 64 clients, 99th percentile", "us", late)

    def handle_memory(self):
        if not self.only.search("open file, memory"):
            return
        values = {}
        count = 90  # sshd has no more than 100 for a connection
        self.make_big_file()
        for server in self.servers:
            held = {}
            for handles in (1, count):
                process = self.clients(server, "open", handles, server.path("big"))
                if process.stdout.readline() != b"ready\n":
                    raise SystemExit(f"{handles} files of {server.name} cannot be opened")
                time.sleep(2)
                held[handles] = server.memory_kib()
                process.communicate()
                time.sleep(1)
            values[server.name] = [max(0, held[count] - held[1]) / (count - 1)]
        self.line("open file, memory", "KiB", values)

    def idle_memory(self):
        if not self.only.search("idle memory"):
            return
        values = {}
        for server in self.servers:
            count = 1000 if server.name == "sallyport" else 100
            self.run_clients(server, "cycle", 5)
            time.sleep(1)
            before = server.memory_kib()
            process = self.clients(server, "hold", count)
            if process.stdout.readline() != b"ready\n":
                raise SystemExit(f"{count} connections to {server.name} failed")
            values[server.name] = [(server.memory_kib() - before) / count]
            process.communicate()
        self.line("idle connection with sftp, memory", "KiB", values)

    def memory_after_transfer(self):
        if not self.only.search("memory after transfer"):
            return
        values = {}
        self.make_big_file()
        for server in self.servers:
            # Costs that come once are not a connection's; what earlier rounds left behind would hide
            # what these keep, so this comes first of all.
            self.run_clients(server, "cycle", 5)
            time.sleep(2)
            before = server.memory_kib()
            clients = [subprocess.Popen(self.sftp_command(server, CIPHERS[0]),
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
                       for _ in range(10)]
            for number, client in enumerate(clients):
                done = f"{self.work}/done"
                up = server.path(f"after{number}")
                client.stdin.write(f"get {server.path('big')} {self.work}/got\n"
                                   f"put {self.work}/got {up}\nrm {up}\n!touch {done}\n".encode())
                client.stdin.flush()
                while not os.path.exists(done) and client.poll() is None:
                    time.sleep(0.05)
                os.remove(done)
            time.sleep(3)  # what is given back is given back after a second without traffic
            values[server.name] = [(server.memory_kib() - before) / len(clients)]
            for client in clients:
                client.communicate()
        self.line("connection after get and put, memory", "KiB", values)

    def run(self):
        print(f"{'':44} {'sallyport':>10} {'sshd':>10} {'':8} ratio")
        self.memory_after_transfer()
        self.handshakes()
        self.idle_memory()
        self.handle_memory()
        self.reads_together()
        self.metadata()
        self.small_files()
        self.transfers()

    def stop(self):
        for server in self.servers:
            server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("work")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=".")
    options = parser.parse_args()
    os.chdir(options.work)
    bench = Bench(options)
    try:
        bench.run()
    finally:
        bench.stop()


main()
