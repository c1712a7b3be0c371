# sallyport channels lists what runs on connections; close ends a channel, even one whose client does
# not read, and leaves its connection alone.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/switchboard-serial" ] || skip "the build has no test plugins"
configure "{\"workers\": 1, \"plugins\": [
    {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
    {\"name\": \"board\", \"plugin\": \"switchboard-serial\"},
    {\"name\": \"loop\", \"plugin\": \"switchboard-reactor\"},
    {\"name\": \"files\", \"plugin\": \"fs-posix\"},
    {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
    \"subsystems\": {\"sftp\": \"core\", \"frames\": \"board\", \"flood\": \"board\", \"endless\": \"loop\"}}"
add_user alice '{"permit": ["sftp", "exec", "subsystem"]}'
daemon_start
SOCKET=$W/state/control.sock
export SOCKET SALLYPORT_PREFIX

expect_match "$(sallyport channels --socket "$SOCKET")" '^CONNECTION +ID +TYPE' "an empty listing"
raw <<'END'
import json, subprocess
def sallyport(*arguments, ok=True):
    done = subprocess.run([os.environ["SALLYPORT_PREFIX"] + "/bin/sallyport", *arguments, "--socket",
                           os.environ["SOCKET"]], capture_output=True, timeout=60)
    check((done.returncode == 0) == ok, f"{arguments}: {done}")
    return done.stdout.decode()
def channels(*arguments):
    answer = json.loads(sallyport("channels", *arguments, "--json"))
    check(answer["complete"], "a worker did not answer")
    return answer["channels"]

c = user()
frames, command, sftp, bare = (c.open_session(number) for number in range(4))
check(frames.request("subsystem", string("frames")), "frames")
frames.data(b"!line 100 0a")
back = b""
while len(back) < 6 + 12:
    code, reader = c.receive()
    if code == CHANNEL_DATA:
        reader.u32()
        back += reader.string()
frames.data(b"half a line")
check(command.exec("cat # \x1b[2J" + "x" * 300), "exec")
check(sftp.request("subsystem", string("sftp")), "sftp")
sftp.data(u32(5) + bytes([1]) + u32(3))
while c.receive()[0] != CHANNEL_DATA:
    pass  # VERSION
other = user()
flood = other.open_session(0, window=0)
check(flood.request("subsystem", string("flood")), "flood")

rows = channels()
check(len(rows) == 5, f"{rows}")
by = {row["program"][:5]: row for row in rows}
mine = {row["connection"] for row in rows if row["program"] != "flood"}
check(len(mine) == 1, "connections")
row = by["frame"]
check(row["type"] == "session" and row["request"] == "subsystem" and row["plugin"] == "board"
      and row["framing"] == "line" and row["ready_to_send"] and row["bytes_in"] == 12
      and row["bytes_out"] == 18, f"{row}")
check(by["cat #"]["plugin"] == "shell" and by["cat #"]["request"] == "exec"
      and len(by["cat #"]["program"]) == 127, f"{by['cat #']}")
check(by["sftp"]["version"] == 3 and by["cat #"]["version"] == 0, "versions")
check(by["sftp"]["plugin"] == "" and by["sftp"]["framing"] == "none", f"{by['sftp']}")
check(by[""]["request"] is None, f"{by['']}")
check(not by["flood"]["ready_to_send"] and by["flood"]["bytes_out"] == 0, f"{by['flood']}")
check(len(channels(str(mine.pop()))) == 4, "of one connection")
text = sallyport("channels")
check("subsystem frames" in text and "\x1b" not in text, text)

# Closed: a client that does not read; one that does. Each connection serves on.
row = by["flood"]
sallyport("close", str(row["connection"]), str(row["id"]))
while True:
    code, reader = other.receive()
    if code == CHANNEL_CLOSE:
        break
flood.close()
check(other.open_session(5).exec("true"), "the connection after it")
row = by["cat #"]
sallyport("close", str(row["connection"]), str(row["id"]))
command.collect()
command.close()
check(c.open_session(7).exec("true"), "the connection after it")

# A plugin on the loop that would send for ever is told that nothing more is taken.
third = user()
endless = third.open_session(0, window=0)
check(endless.request("subsystem", string("endless")), "endless")
row = {row["program"]: row for row in channels()}["endless"]
sallyport("close", str(row["connection"]), str(row["id"]))
endless.collect()
endless.close()
check(third.open_session(1).exec("true"), "the connection after it")

# Numbers of nothing.
sallyport("close", str(row["connection"]), str(row["id"]), ok=False)
sallyport("close", str(by["flood"]["connection"]), str(by["frame"]["id"]), ok=False)
sallyport("close", "99999", "1", ok=False)
sallyport("close", "x", "1", ok=False)
sallyport("channels", "99999", ok=False)
sallyport("channels", "-1", ok=False)
END
