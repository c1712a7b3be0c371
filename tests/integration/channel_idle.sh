# CONN-12: a channel on which nothing moves is closed; others of the connection go on, and so does a
# channel on which something moves, however little.
. "$(dirname "$0")/lib.sh"
plugins=""
if [ -d "$SALLYPORT_BUILD_PLUGINS/observer" ]; then
    plugins="\"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"},
        {\"name\": \"observer\"}],
        \"chains\": {\"connection\": [\"observer\"]}, "
fi
configure "{$plugins \"timeouts\": {\"channel_idle_ms\": 1500}}"
daemon_start
raw <<'END'
c = user()
begin = time.monotonic() # before the daemon's own clock starts: it is never early
idle = c.open_session(0)
busy = c.open_session(1)
silent = c.open_session(2)
check(idle.exec("cat") and busy.exec("cat"), "exec")
closed, echoed = {}, 0
while len(closed) < 2 or time.monotonic() - begin < 4:
    busy.data(b"x")
    deadline = time.monotonic() + 0.3  # slowness is the case
    while time.monotonic() < deadline:
        try:
            code, reader = c.receive(max(0.01, deadline - time.monotonic()))
        except Silent:
            break
        number = reader.u32()
        if code == CHANNEL_CLOSE:
            closed[number] = time.monotonic() - begin
        elif code == CHANNEL_DATA:
            check(number == 1, "data of an idle channel")
            echoed += 1
    check(time.monotonic() - begin < 15, f"closed: {closed}")
check(sorted(closed) == [0, 2], f"closed: {closed}")
check(all(at > 1.4 for at in closed.values()), f"too early: {closed}")
check(echoed > 5, "the busy channel")
idle.close()
silent.close()
busy.eof()
check(busy.collect()["status"] == 0, "the busy channel's end")
check(c.open_session(3).exec("true"), "a new channel")
END
wait_log 'channel.idle'
[ -z "$plugins" ] || wait_log 'saw=error name=channel.idle'
