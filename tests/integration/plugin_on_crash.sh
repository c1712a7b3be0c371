# "on_crash": a plugin that crashes too often is disabled: it is not run any more, and what it would
# be asked is refused rather than left to others, until a reload. A transfer in the meantime is whole.
# isolated: too
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/rogue-connection" ] || skip "the build has no misbehaving plugins"
expect_crashes
ISOLATION=${SALLYPORT_ISOLATION:-in-process}

configure '{"workers": 2, "plugins": [
    {"name": "rogue", "plugin": "rogue-connection",
     "on_crash": {"action": "disable", "crashes": 2, "within_ms": 60000}},
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix", "isolation": "in-process"},
    {"name": "shell", "plugin": "exec-shell", "isolation": "in-process"}],
    "chains": {"auth": ["rogue", "users"]}}'
daemon_start
export W SALLYPORT_PREFIX
raw <<'END'
from rogue import *
from transfers import Transfer
transfer = Transfer(0)
transfer.write_some()
for crashes in 1, 2:
    wait_until(lambda: info()["state"] == "running" and len(ready_workers()) == 2, "the plugin to run")
    check(not password("crash"), "a crash let somebody in")
    wait_until(lambda: info()["crashes"] == crashes, f"{crashes} crashes")
wait_until(lambda: info()["state"] == "disabled", "the plugin to be disabled")
transfer.finish()
for _ in range(4):
    check(not password(USER), "a plugin that is disabled was passed over")
check(info()["processes"] == [], "a disabled plugin has a process")
END
if [ "$ISOLATION" = process ]; then
    wait_log 'plugin\.process_crashed .*instance=rogue .*signal=11 .*operation=auth\.password'
else
    wait_log 'worker\.crashed .*signal=11 .*instance=rogue operation=auth\.password'
fi
wait_log 'error plugin\.disabled .*instance=rogue crashes=2 within_ms=60000'
expect_equal "$(grep -c plugin.disabled "$W/log")" 1 "told once"
expect_equal "$(status 's["disabled_plugins"]')" "['rogue']" "in the status"
expect_match "$(sallyport status --socket "$W/state/control.sock")" 'disabled +rogue, which crashed too often' "status"
sallyport plugin info rogue --socket "$W/state/control.sock" >"$W/out/info"
expect_match "$(cat "$W/out/info")" 'state +disabled' "state"

# Keys are asked of it, too, in a worker that has come up without it; or it has no say, as before.
reload
expect_equal "$(status 's["disabled_plugins"]')" "[]" "after a reload"
raw <<<'others_are_served()'
