# sftp-notify against a real web service: each upload is told at least once, also when the service is
# down, answers with errors, or a worker is killed or the daemon reloaded while events wait.
# seconds: 120
# isolated: too
. "$(dirname "$0")/lib.sh"
[ -d "$PLUGIN_DIR/sftp-notify" ] || skip "sftp-notify is not built"
expect_crashes
SERVICE_PID=
stop_service()
{
    [ -z "$SERVICE_PID" ] || kill -KILL "$SERVICE_PID" 2>/dev/null || true
    [ -z "$SERVICE_PID" ] || wait "$SERVICE_PID" 2>/dev/null || true
    SERVICE_PID=
}
stop_all()
{
    local code=$?
    stop_service
    set +e # finish must be reached, and looks at the code
    (exit $code)
    finish
}
trap stop_all EXIT
mkdir "$W/sink"
start_service() # PORT
{
    rm -f "$W/sink/port"
    "$PYTHON" "$TESTS/support/http_sink.py" "$W/sink" "$1" &
    SERVICE_PID=$!
    wait_for 20 "the web service" test -s "$W/sink/port"
}
start_service 0
SINK=$(cat "$W/sink/port")
echo "a secret of ours" >"$W/secret"
chmod 600 "$W/secret"
cat >"$W/told.sh" <<'END'
#!/bin/sh
exec cat >>"$(dirname "$0")/told"
END
chmod 755 "$W/told.sh"
configure '{"plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W/users.json"'"}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "notify", "plugin": "sftp-notify", "config": {"spool": "'"$W/spool"'",
            "url": "http://127.0.0.1:'"$SINK"'/arrived", "secret_file": "'"$W/secret"'",
            "retry_first_ms": 100, "retry_most_ms": 500}},
        {"name": "aborted", "plugin": "sftp-notify", "config": {"spool": "'"$W/spool-aborted"'",
            "command": ["'"$W/told.sh"'"], "events": ["upload_aborted"], "paths": ["/in"]}}],
    "sftp": {"transfer_hash": "sha256"},
    "chains": {"channel": [], "sftp": ["notify", "aborted"]}}'
daemon_start
mkdir "$W/root/alice/in"
random_file "$W/data" 100000
HASH=$(sha256sum <"$W/data" | cut -d' ' -f1)

upload() # NAME...
{
    local name
    for name; do
        echo "put $W/data \"$name\""
    done | sftp_ target >/dev/null
}
# How often it was told of an upload of that name, and answered with 200.
delivered() # NAME
{
    "$PYTHON" - "$W/sink" "$1" <<'END'
import glob, hashlib, hmac, json, sys
ids = set()
for name in glob.glob(sys.argv[1] + "/*.json"):
    record = json.load(open(name))
    body = json.loads(record["body"])
    headers = {key.lower(): value for key, value in record["headers"].items()}
    signature = hmac.new(b"a secret of ours", record["body"].encode(), hashlib.sha256).hexdigest()
    assert headers["x-sallyport-signature-256"] == "sha256=" + signature, headers
    assert headers["x-sallyport-delivery"] == body["id"], headers
    assert headers["content-type"] == "application/json"
    if body["path"] == sys.argv[2] and record["status"] == 200:
        ids.add(body["id"])
print(len(ids))
END
}
is_delivered() # NAME
{
    [ "$(delivered "$1")" = 1 ]
}
waiting() # NUMBER
{
    [ "$(find "$W/spool" -name '*.event' | wc -l)" = "$1" ]
}

NAME='/in/q"uo\te'
upload 'in/q\"uo\\te'
wait_for 30 "the first event" is_delivered "$NAME"
wait_for 30 "an empty queue" waiting 0
"$PYTHON" - "$W/sink/0.json" "$HASH" <<'END'
import json, sys
event = json.loads(json.load(open(sys.argv[1]))["body"])
assert event["event"] == "uploaded" and event["user"] == "alice", event
assert event["size"] == 100000 and event["bytes_written"] == 100000, event
assert event["hash"] == sys.argv[2] and event["hash_algorithm"] == "sha256", event
assert event["address"] == "127.0.0.1" and event["listener"] == "main", event
assert event["protocol"] == "sftp" and event["mount"] == "/", event
END

# A service that has trouble is asked again; uploads do not wait for it.
echo 503 >"$W/sink/status"
upload in/troubled
wait_log 'events wait for .*HTTP status 503'
expect_equal "$(delivered /in/troubled)" 0 "deliveries while the service has trouble"
rm "$W/sink/status"
wait_for 30 "the event after the trouble" is_delivered /in/troubled

# Nobody is there; the worker that was told is killed, and then all of them.
stop_service
upload in/one in/two in/three
wait_for 30 "three events" waiting 3
kill -KILL $(worker_pids)
wait_for 30 "new workers" eval '[ "$(grep -c worker.ready "$W/log")" -ge 4 ]'
reload
upload in/four
wait_for 30 "four events" waiting 4
start_service "$SINK"
for name in one two three four; do
    wait_for 30 "the event of $name" is_delivered "/in/$name"
done
wait_for 30 "an empty queue" waiting 0

# What is cut off goes to the command, and to nobody else.
raw <<'END'
for name in ("in/cut", "elsewhere"):
    s = Sftp(user())
    handle = s.open(name, sftp.F_WRITE | sftp.F_CREAT)
    check(s.write(handle, 0, b"x" * 1000) == sftp.OK, "write")
    s.client.reset()
END
wait_log 'sftp\.upload_aborted .*path=/elsewhere'
wait_for 30 "the command" grep -q '"path":"/in/cut"' "$W/told"
expect_equal "$(grep -c . "$W/told")" 1 "events that the command was run for"
expect_equal "$(delivered /in/cut)" 0 "uploads told of what was cut off"

# Events that wait survive a restart of the daemon.
stop_service
upload in/last
wait_for 30 "an event" waiting 1
daemon_stop
start_service "$SINK"
daemon_start
wait_for 30 "the event after the restart" is_delivered /in/last
