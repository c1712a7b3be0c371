# A subsystem that a plugin serves through the host's services (echo): greeting, bytes both ways
# beyond every buffer, a client that reads late, EOF and CLOSE.
# isolated: too
. "$(dirname "$0")/lib.sh"
configure "{\"plugins\": [
    {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
    {\"name\": \"echoes\", \"plugin\": \"echo\", \"config\": {\"greeting\": \"hello\\n\"}},
    {\"name\": \"lines\", \"plugin\": \"echo\", \"config\": {\"framing\": \"line\"}},
    {\"name\": \"files\", \"plugin\": \"fs-posix\"},
    {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
    \"subsystems\": {\"sftp\": \"core\", \"echo\": \"echoes\", \"lines\": \"lines\"}}"
add_user alice '{"permit": ["sftp", "exec", "subsystem"]}'
add_user bob '{"permit": ["sftp", "exec"]}'
daemon_start

random_file "$W/data" 5000000
{ echo hello; cat "$W/data"; } >"$W/expected"
ssh_ -s target echo <"$W/data" >"$W/out/data"
expect_same_file "$W/out/data" "$W/expected"
expect_failure ssh_ -s bob@target echo
expect_failure ssh_ -s target no-such-subsystem

# By lines: a line comes back when it is complete, and not before.
raw <<'END'
channel = user().open_session()
check(channel.request("subsystem", string("lines")), "lines refused")
channel.data(b"one ")
channel.data(b"line\nand ")
code, reader = channel.client.receive()
check(code == CHANNEL_DATA and reader.u32() == 0 and reader.string() == b"one line\n", "a line")
channel.data(b"the rest")
channel.eof()
check(channel.collect()["out"] == b"and the rest", "the rest")
END

raw <<'END'
c = user(receive_buffer=4096)
channel = c.open_session(window=3000000)
check(channel.request("subsystem", string("echo")), "echo refused")
for number in range(60):  # within the server's window: nothing is read meanwhile
    channel.data(bytes([number]) * 30000)
channel.eof()
channel.data(b"late")
result = channel.collect(adjust=False)
expected = b"hello\n" + b"".join(bytes([number]) * 30000 for number in range(60))
check(result["out"] == expected, f"{len(result['out'])} bytes instead of {len(expected)}")
others_are_served()
END
