# T76: a client of the scp protocol that means harm: names that lead elsewhere, sizes that are none,
# modes beyond permissions, nesting without end, lines in single bytes. What it makes stays below the
# target, without set-user-ID; the daemon goes on.
. "$(dirname "$0")/lib.sh"
daemon_start

mkdir -p "$W/root/alice/in" "$W/root/alice/secret"
echo hidden >"$W/root/alice/secret/file"
PYTHONPATH=$TESTS/support "$PYTHON" - <<'END'
from hostile import check
from paramiko_client import transport


class Scp:
    """A command, its input, and its answers."""

    def __init__(self, connection, command):
        self.channel = connection.open_session()
        self.channel.settimeout(20)
        self.channel.exec_command(command)

    def answer(self):
        """0, or what is complained of."""
        kind = self.channel.recv(1)
        if kind in (b"\0", b""):
            return kind
        text = b""
        while not text.endswith(b"\n"):
            text += self.channel.recv(1)
        return kind + text

    def send(self, data):
        self.channel.sendall(data)
        return self.answer()

    def end(self):
        self.channel.shutdown_write()
        while self.channel.recv(65536):
            pass
        status = self.channel.recv_exit_status()
        self.channel.close()
        return status


def sink(connection, options=""):
    scp = Scp(connection, f"scp {options} -t in")
    check(scp.answer() == b"\0", "a sink does not start")
    return scp


with transport() as connection:
    # Names that are no names.
    for name in (b"../x", b"/x", b"..", b".", b"", b"a/b", b"secret/../../x", b"a\0b", b"../" * 300):
        for kind in (b"C0644 1 ", b"D0755 0 "):
            scp = sink(connection, "-r")
            said = scp.send(kind + name + b"\n")
            check(said[:1] in (b"\1", b"\2"), f"{kind + name!r} was answered with {said!r}")
            check(scp.end() != 0, f"{kind + name!r} ended well")
    # Numbers that are none, lines of other shapes.
    for line in (b"C0644 -1 f", b"C0644 99999999999999999999999 f", b"C0644 9223372036854775808 f",
                 b"C0644 0x10 f", b"C99999 1 f", b"C0644  1 f", b"T1 0 2", b"T-1 0 1 0",
                 b"T99999999999999999999 0 1 0", b"E", b"X", b"", b"C0644 1"):
        scp = sink(connection)
        said = scp.send(line + b"\n")
        check(said[:1] in (b"\1", b"\2"), f"{line!r} was answered with {said!r}")
        check(scp.end() != 0, f"{line!r} ended well")
    # A line without end.
    scp = sink(connection)
    try:
        scp.channel.sendall(b"C" * 100000)
    except OSError:
        pass  # refused, and closed, before all of it was sent
    check(scp.answer()[:1] == b"\2", "a line without end is read on")
    scp.channel.close()
    # Names that are odd and allowed: spaces, quotes, escapes, backslash; and one for the log.
    for name in (b"with spaces", b"-rf", b"$(touch x)", b"\x1b[31mred", b"back\\slash", b"caf\xc3\xa9"):
        scp = sink(connection)
        check(scp.send(b"C0644 2 " + name + b"\n") == b"\0", f"{name!r} is refused")
        check(scp.send(b"ok\0") == b"\0", f"{name!r} is not written")
        check(scp.end() == 0, f"{name!r} ended badly")
    # Set-user-ID, set-group-ID and sticky are not for clients to set.
    scp = sink(connection, "-rp")
    check(scp.send(b"C4755 1 suid\n") == b"\0" and scp.send(b"x\0") == b"\0", "mode 4755")
    check(scp.send(b"D2777 0 sgid\n") == b"\0" and scp.send(b"E\n") == b"\0", "mode 2777")
    check(scp.end() == 0, "modes ended badly")
    # Directories within directories, many times more than any path is long.
    scp = sink(connection, "-r")
    depth = 0
    while depth < 100000:
        said = scp.send(b"D0755 0 d\n")
        if said != b"\0":
            break
        depth += 1
    check(0 < depth < 5000 and said[:1] in (b"\1", b"\2"), f"{depth} levels, then {said!r}")
    scp.channel.close()
    # Everything in single bytes.
    scp = sink(connection)
    for byte in b"C0644 3 bytewise\n":
        scp.channel.sendall(bytes([byte]))
    check(scp.answer() == b"\0", "a line in single bytes")
    for byte in b"abc\0":
        scp.channel.sendall(bytes([byte]))
    check(scp.answer() == b"\0" and scp.end() == 0, "a file in single bytes")
    # A source asked for what lies elsewhere gives nothing of it.
    for name in ("../../../../etc/passwd", "in/../../../../etc/passwd", "/etc/passwd"):
        scp = Scp(connection, f"scp -f {name}")
        scp.channel.sendall(b"\0")
        said = scp.answer()
        check(said[:1] in (b"\1", b"\2"), f"{name} is given: {said!r}")
        scp.end()
    # A source whose client answers with garbage, or not at all.
    scp = Scp(connection, "scp -r -f .")
    try:
        scp.channel.sendall(b"\xff" * 100000)
    except OSError: # the server has closed the channel before it took all of them
        pass
    check(scp.end() != 0, "garbage for answers ended well")
END

expect_equal "$(find "$W/root" -path '*/in/*' -prune -o -type f -print | sort)" \
    "$W/root/alice/secret/file" "files outside of the target"
expect_equal "$(find "$W/root/alice/in" -perm /7000 | wc -l)" 0 "files with special bits"
expect_equal "$(cat "$W/root/alice/in/bytewise")" abc "what came in single bytes"
expect_equal "$(tr -d '[:print:]\n\200-\377' <"$W/log" | wc -c)" 0 "control characters in the log"
echo still-there >"$W/data"
scp_ -O "$W/data" target:in/after
expect_same_file "$W/data" "$W/root/alice/in/after"
