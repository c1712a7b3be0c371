# User names that could do harm in a path, a log, a query or a shell are refused before any plugin
# sees them, even if a users file has them; the log shows them on one line, escaped.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
NAMES=("a|b" "-oProxyCommand" ".hidden" "a'b" 'a$(id)' "a;b" "a\\\\b")
for name in "${NAMES[@]}"; do
    add_user "$name" '{"root": "'"$W"'/root/alice"}'
done
add_user 'jürgen.o-neil_2@example.org'
daemon_start

raw <<'END'
def tries(name):
    """The answer to the right password for that name."""
    c = client()
    c.service()
    c.send_password(name, PASSWORD)
    try:
        return c.receive(seconds=10)[0]
    except Closed:
        return DISCONNECT
    except Silent:
        check(False, f"{name!r}: no answer")
    finally:
        c.close()

harmful = ["a|b", "-oProxyCommand", ".hidden", "a'b", "a$(id)", "a;b", "a\\b",
           "", "../alice", "/etc/passwd", "alice\n", "\nalice", "alice\r", "alice\t", "\x1b[2Jalice",
           "alice\x7f", "alice\u0085", "alice\u200b", "\u202eecila", "\ufeffalice", "alice\u2028",
           "x" * 256, "x" * 10000, "`id`", "%u%n", "<alice>", "(alice)",
           "alice\nauth.accepted conn=1 user=root method=password"]
raw_bytes = [b"alice\0", b"alice\0root", b"\0alice", b"\xff\xfe", b"alice\xc0\xaf", b"\xed\xa0\x80",
             b"\xf5\x80\x80\x80", b"alice\xc3"]
for name in harmful + raw_bytes:
    code = tries(name)
    check(code in (USERAUTH_FAILURE, DISCONNECT), f"{name!r}: answer {code}")
for name in ("alice", "jürgen.o-neil_2@example.org"):
    check(tries(name) == USERAUTH_SUCCESS, f"{name!r} was refused")

# One that turns harmless later is not taken.
c = client()
c.service()
c.send_password("alice\0", PASSWORD)
c.send_password("../alice", PASSWORD)
code, _ = c.receive()
check(code == USERAUTH_FAILURE, "first answer")
try:
    code, _ = c.receive()
    check(code == USERAUTH_FAILURE, "second answer")
except Closed:
    pass
others_are_served()
END
wait_log 'auth\.denied.*the user name is malformed'
"$PYTHON" - "$W/log" <<'END'
import sys
with open(sys.argv[1], "rb") as file:
    lines = file.read().decode("utf-8").split("\n")
for line in lines[:-1]:
    raw = [c for c in line if ord(c) < 32 or c in "\x7f\x85\u2028\u202e"]
    if raw or not line:
        sys.exit(f"raw characters {raw} in the log: {line!r}")
    if " auth.accepted " in line and "user=alice" not in line and "rgen.o-neil_2@" not in line:
        sys.exit(f"somebody was let in, or a line was forged: {line!r}")
END
