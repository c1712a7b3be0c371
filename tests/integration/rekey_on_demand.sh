# CONN-08: new keys when somebody asks, an operator or a plugin, while files are transferred both
# ways; nothing is lost, and other connections keep theirs.
. "$(dirname "$0")/lib.sh"
daemon_start
random_file "$W/root/alice/data" 12000000
"$PYTHON" - >"$W/out/id" <<END
import subprocess, sys, time, json, os
work = "$W"
client = subprocess.Popen(["sftp", "-q", "-v", "-b", "-", "-l", "40000", "-F", work + "/ssh_config", "target"],
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=open(work + "/out/log", "w"), text=True)
client.stdin.write(f"get data {work}/out/data\nput {work}/out/data back\n")
client.stdin.close()
def sallyport(*arguments):
    return subprocess.run(["$SALLYPORT_PREFIX/bin/sallyport", *arguments, "--socket",
                           work + "/state/control.sock"], capture_output=True, text=True)
asked, deadline = 0, time.monotonic() + 60
while client.poll() is None and time.monotonic() < deadline:
    listed = json.loads(sallyport("connections", "--json").stdout)["connections"]
    busy = [c for c in listed if c["authenticated"] and c["bytes_out"] > 1000000]
    if busy and sallyport("rekey", str(busy[0]["id"])).returncode == 0:
        asked += 1
    time.sleep(0.1)
assert client.wait(60) == 0, "sftp failed"
assert asked >= 3, f"asked only {asked} times"
print(asked)
END
expect_same_file "$W/root/alice/data" "$W/out/data"
expect_same_file "$W/root/alice/data" "$W/root/alice/back"
asked=$(cat "$W/out/id")
received=$(grep -c 'SSH2_MSG_KEXINIT received' "$W/out/log")
[ "$received" -ge 3 ] || fail "asked $asked times, keys were exchanged $received times"
wait_log 'connection.rekey pid'
wait_log 'connection.rekeyed'
expect_failure sallyport rekey 999999 --socket "$W/state/control.sock"
expect_match "$(cat "$W/out/failure")" 'no such connection' "an unknown connection"
expect_failure sallyport rekey x --socket "$W/state/control.sock"

# A plugin may ask as well, and is told of the steps.
[ -d "$SALLYPORT_BUILD_PLUGINS/observer" ] || skip "the build has no plugins for tests"
configure "{\"plugins\": [
    {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
    {\"name\": \"files\", \"plugin\": \"fs-posix\"},
    {\"name\": \"shell\", \"plugin\": \"exec-shell\"},
    {\"name\": \"observer\", \"config\": {\"rekey\": true}}],
    \"chains\": {\"connection\": [\"observer\"]}}"
reload
mkfifo "$W/talk"
ssh_ target cat <"$W/talk" >"$W/out/said" &
client=$!
exec 9>"$W/talk"
wait_log 'saw=status name=rekey"'
wait_log 'saw=status name=rekey-done'
echo 'still here' >&9
exec 9>&-
wait "$client"
expect_equal "$(cat "$W/out/said")" 'still here' "the connection with new keys"
