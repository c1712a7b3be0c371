# T77: names that break lines, JSON or terminals, in the audit's lines, with real clients; both kinds
# of lines; rotation; a sink that stands still; several workers on one file.
# isolated: too
. "$(dirname "$0")/lib.sh"
mkdir "$W/audit"
A=$W/audit/files.json
mkfifo "$W/audit/pipe"
exec 7<>"$W/audit/pipe" # a reader that does not read
configure '{"workers": 2, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}},
    {"name": "audit", "plugin": "sftp-audit", "config": {"what": "both", "file": "'"$A"'"}},
    {"name": "stuck", "plugin": "sftp-audit", "config": {"file": "'"$W"'/audit/pipe",
        "queue_bytes": 524288, "families": ["open", "write", "close", "remove"]}}],
    "chains": {"sftp": ["audit", "stuck"]}}'
daemon_start
random_file "$W/data" 300000

lines() # EXPRESSION: Python on l, the list of all lines
{
    "$PYTHON" -c '
import json, sys
l = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8", newline="\n")]
print(eval(sys.argv[2]))' "$A" "$1"
}

lines_say() # EXPRESSION
{
    [ "$(lines "$1")" = True ]
}

sftp_ target <<<"put $W/data a
rename a b
get b $W/out/b
mkdir d"
scp_ -O "$W/data" target:c
wait_for 20 "the lines" lines_say '{x["event"] for x in l} >= {"uploaded", "downloaded"} and any(
    x["event"] == "uploaded" and x["path"] == "/c" for x in l)'
expect_equal "$(lines '[(x["path"], x["size"], x["protocol"]) for x in l if x["event"] == "uploaded"]')" \
    "[('/a', 300000, 'sftp'), ('/c', 300000, 'scp')]" "uploads"
expect_equal "$(lines '[(x["path"], x["target"], x["status"]) for x in l if x.get("operation", "").endswith("rename")]')" \
    "[('/a', '/b', 'ok')]" "a rename"
expect_equal "$(lines 'all(x["client"] == "127.0.0.1" and x["user"] == "alice" and x["port"] > 0 for x in l)')" \
    True "who it was"
expect_equal "$(lines '[x["status"] for x in l if x.get("operation") == "mkdir"]')" "['ok']" "mkdir"

# --- names ---

PYTHONPATH=$TESTS/support "$PYTHON" - <<'END'
from paramiko_client import *
NAMES = [b'n\n{"event":"forged"}', b"\r\x1b[31mred", b'"q" \\ \'', "\u202efdp.exe".encode(),
         "\u2028line\u2029".encode(), b"\xff\xfe bytes", b"\xc0\xaf", b"=cmd|' -C calc'!A0", b"\x7f\x01"]
with sftp_client() as s:
    for name in NAMES:
        with s.open(name, "wb") as f:
            f.write(b"x")
        s.rename(name, name + b" again")
        s.remove(name + b" again")
        try:
            s.remove(name)
        except IOError:
            pass
END
wait_for 20 "the lines about names" lines_say 'sum(x.get("operation") == "remove" for x in l) == 18'
expect_equal "$(lines 'any(x["event"] == "forged" for x in l)')" False "a forged line"
expect_equal "$(lines '{chr(10) + chr(123) in x["path"] for x in l if x.get("operation") == "open"} == {True, False}')" \
    True "the name with a line in it, as it was"
expect_equal "$(lines 'any(x.get("path_hex") == b"/\xff\xfe bytes".hex() for x in l)')" True "bytes that are no UTF-8"
if LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80[\xa8-\xae]|\xff' "$A"; then
    fail "raw characters in the audit: $(LC_ALL=C grep -aP '[\x00-\x09\x0b-\x1f\x7f]' "$A" | head -c 500 | od -c)"
fi

# --- rotation, many connections at once ---

mv "$A" "$A.1"
is_new() { echo "ls" | sftp_ target >/dev/null; [ -s "$A" ]; }
wait_for 30 "a new file" is_new
for i in 1 2 3 4; do
    { for k in 1 2 3 4 5; do echo "put $W/x p$i.$k"; done; } >"$W/batch$i"
done
echo x >"$W/x"
pids=()
for i in 1 2 3 4; do
    sftp -q -b "$W/batch$i" -F "$W/ssh_config" target >/dev/null &
    pids+=($!)
done
wait "${pids[@]}"
wait_for 20 "20 uploads" lines_say 'sum(x["event"] == "uploaded" for x in l) == 20'
expect_equal "$(stat -c %a "$A")" 640 "the mode of a new file"

# The other one has been stuck all the time; it fills its pipe and its queue, and nothing waits.
PYTHONPATH=$TESTS/support "$PYTHON" - <<'END'
from paramiko_client import *
with sftp_client() as s:
    with s.open("many", "wb") as f:
        f.set_pipelined(True)
        for i in range(3000):
            f.write(b"0123456789")
    assert s.stat("many").st_size == 30000
END
# Whose families have no reads and writes is not asked about them.
asked() # INSTANCE
{
    sallyport plugin list --json --directory "$PLUGIN_DIR" --socket "$W/state/control.sock" | "$PYTHON" -c '
import json, sys
print(next(i["calls"] for i in json.load(sys.stdin)["instances"] if i["instance"] == sys.argv[1]))' "$1"
}
expect_less "$(asked audit)" 1000 "calls of an audit without reads and writes"
expect_less 3000 "$(asked stuck)" "calls of one with writes"

grep -q 'audit.*are lost' "$W/log" && fail "lines were lost before the end"
exec 7<&-
