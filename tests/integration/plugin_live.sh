# What `sallyport plugin` tells of the instances of a running daemon: how they are run, what they
# were asked, how that went. Workers that end take nothing of it away.
# isolated: too
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/rogue-connection" ] || skip "the build has no misbehaving plugins"

configure '{"workers": 1, "plugins": [
    {"name": "rogue", "plugin": "rogue-connection", "deadline_ms": 1500, "on_error": "next"},
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell"}],
    "chains": {"auth": ["rogue", "users"]}}'

live() # INSTANCE EXPRESSION
{
    sallyport plugin info "$1" --json --config "$W/config.json" |
        "$PYTHON" -c "
import json, sys
i = json.load(sys.stdin)
op = {o['operation']: o for o in i.get('operations', []) if isinstance(o, dict)}
print(($2))"
}

# Without a daemon, what there is to know of the plugin behind the instance.
expect_equal "$(live users 'i["name"], "state" in i')" "('auth-file', False)" "without a daemon"
sallyport plugin list --directory "$PLUGIN_DIR" --socket "$W/state/control.sock" >"$W/out/list"
expect_match "$(cat "$W/out/list")" '^NAME .*auth-file' "plugins there are"
! grep -q INSTANCE "$W/out/list" || fail "instances of no daemon"

daemon_start
raw <<'END'
c = client()
c.service()
check(c.password(USER, PASSWORD), "alice")
c.close()
c = client()
c.service()
check(not c.password("block", PASSWORD), "who blocks the plugin")
c.close()
END
expect_equal "$(live users 'i["state"], i["plugin"], i["threading"], i["isolation"], i["crashes"]')" \
    "('running', 'auth-file', 'connection', '${SALLYPORT_ISOLATION:-in-process}', 0)" "how it is run"
expect_equal "$(live rogue 'op["auth.password"]["deadline_ms"], op["auth.password"]["calls"], op["auth.password"]["failures"], op["auth.password"]["timeouts"]')" \
    "(1500, 2, 1, 1)" "what rogue was asked"
expect_equal "$(live rogue 'op["auth.password"]["nanoseconds"] > 1500000000')" True "time in rogue"
expect_equal "$(live users 'op["auth.password"]["calls"] >= 1, op["auth.password"]["failures"]')" \
    "(True, 0)" "what users was asked"

sallyport plugin info rogue --config "$W/config.json" >"$W/out/info"
expect_match "$(cat "$W/out/info")" 'interfaces +sallyport\.auth/1' "interfaces"
expect_match "$(cat "$W/out/info")" 'on crash +restarted' "policy"
expect_match "$(cat "$W/out/info")" 'auth\.password +1\.5s +2 +1 +1 +[0-9]' "row of the operation"
sallyport plugin list --directory "$PLUGIN_DIR" --socket "$W/state/control.sock" >"$W/out/list"
expect_match "$(cat "$W/out/list")" 'rogue +rogue-connection +running +connection' "instances in the list"
expect_equal "$(sallyport plugin list --json --directory "$PLUGIN_DIR" --socket "$W/state/control.sock" |
    "$PYTHON" -c 'import json, sys; print(len(json.load(sys.stdin)["instances"]))')" 4 "instances as JSON"

# The counts outlive the worker that counted, and the configuration.
reload
wait_for 20 "the old worker to end" eval '[ "$(status "len(s[\"workers\"])")" = 1 ]'
expect_equal "$(live rogue 'i["calls"], i["timeouts"]')" "(2, 1)" "after a reload"

# Another daemon's instance, and a plugin that is no instance.
expect_equal "$(sallyport plugin info echo --json --config "$W/config.json" |
    "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["name"])')" echo "a plugin that is not used"
