# AUTH-15: after the answer no password, answer or new password is left in the worker's memory, nor
# in the log at any level: right or wrong, read by a plugin or refused before.
# needs: root
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "user": "nobody", "limits": {"auth_tries": 50}, "log": {"level": "debug"},
    "plugins": [{"name": "all", "plugin": "judge", "config": {"old_secret": "stale", "secret": "right", "permit": 2047}},
        {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}],
    "chains": {"auth": ["all"]}}'
[ "$(id -u)" = 0 ] || skip "this needs root"
chmod 755 "$W"
SANITIZER_OPTIONS=detect_leaks=0 daemon_start
WORKERS=$(worker_pids | tr '\n' ' ') W=$W raw <<'END'
from rawauth import *
import re

def secret(name):
    """What is not in this script's arguments or the configuration either."""
    return f"{name}-{os.urandom(12).hex()}-tail"

class Memory:
    def __init__(self):
        self.pid = int(os.environ["WORKERS"].split()[0])

    def has(self, needle):
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as maps, \
                open(f"/proc/{self.pid}/mem", "rb", 0) as mem:
            for line in maps:
                match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if not match:
                    continue
                begin, end = (int(text, 16) for text in match.groups())
                if end - begin > 1 << 30:
                    continue  # a sanitizer's shadow
                try:
                    while begin < end:
                        mem.seek(begin)
                        piece = mem.read(min(1 << 24, end - begin))
                        if not piece:
                            break
                        if needle in piece:
                            return True
                        begin += len(piece)
                except OSError:
                    pass  # a page that is not there
        return False

def spill(login):
    """The packets' way through the server is used again by one that says nothing."""
    login.none()

memory = Memory()
check(memory.has(b"judge"), "the worker's memory cannot be read")
login = Login(PORT, USER)
cases = {}
for name, act in (("password", lambda s: login.password(s)),
                  ("unasked", lambda s: login.change("x", s)),
                  ("nul", lambda s: login.password(s + "\0")),
                  ("malformed", lambda s: login.request("password", string(s))),
                  ("answer", lambda s: login.ask() and login.respond(s)),
                  ("answer too many", lambda s: login.ask() and login.respond(s, s)),
                  ("empty", lambda s: login.request("password", boolean(True) + string(s) + string(""))),
                  ("elsewhere", lambda s: login.request("password", boolean(False) + string(s), service="x"))):
    cases[name] = secret(name)
    check(act(cases[name]) == USERAUTH_FAILURE, f"{name} is in")
    spill(login)
cases["change"] = secret("change")
check(login.password("stale") == USERAUTH_PK_OK, "no question")
check(login.change("stale", cases["change"]) == USERAUTH_SUCCESS, "the change")
with open(os.environ["W"] + "/log", "rb") as file:
    log = file.read()
for name, text in cases.items():
    # The client's end of the socket holds what was encrypted; this process has its own memory.
    check(text.encode() not in log, f"{name} is in the log")
    check(not memory.has(text[len(name) + 1:-5].encode()), f"{name} is left in memory")
END
