# What a plugin must not do to its process: crash, leave it, close what is not its own, leave threads
# behind. The client is refused, the log says what became of the process, everybody else's transfer
# is whole, and the plugin is there again: in process the worker is replaced, isolated its own process.
# isolated: too
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/rogue-connection" ] || skip "the build has no misbehaving plugins"
expect_crashes
SANITIZER_OPTIONS+=:detect_leaks=0 # a worker whose descriptors are closed gives up, connections and all

configure '{"workers": 2, "plugins": [
    {"name": "rogue", "plugin": "rogue-connection", "deadline_ms": 5000},
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix", "isolation": "in-process"},
    {"name": "shell", "plugin": "exec-shell", "isolation": "in-process"}],
    "chains": {"auth": ["rogue", "users"]}}'
daemon_start
export W SALLYPORT_PREFIX
raw <<'END'
from rogue import *
from transfers import Transfer


def is_whole():
    state = info()
    processes = 2 if ISOLATED else 0
    return state["state"] == "running" and len(state["processes"]) == processes and len(ready_workers()) == 2


def act(name, in_process, isolated):
    """Do it; the patterns are what the log says then, None if nothing becomes of it."""
    wait_until(is_whole, "the plugin to run everywhere")
    before = log_length()
    transfer = Transfer(name)
    transfer.write_some()
    check(not password(name), f"{name}: somebody was let in")
    pattern = isolated if ISOLATED else in_process
    if pattern:
        wait_log(pattern, before)
    transfer.finish()
    if pattern and ISOLATED:
        wait_log("plugin.process_up .*instance=rogue", before)
    wait_until(is_whole, "the plugin to run everywhere again")
    others_are_served()


act("crash", r"worker\.crashed .*signal=11 .*instance=rogue operation=auth\.password",
    r"plugin\.process_crashed .*instance=rogue .*signal=11 .*operation=auth\.password")
act("exit", r"worker\.crashed .*signal=0 status=0 ", r"plugin\.process_crashed .*instance=rogue .*signal=0 status=0 ")
act("close", r"worker\.crashed ", r"plugin\.process_(crashed|lost) .*instance=rogue")
act("thread", None, None)
END

# Threads left behind hold nothing up when their process ends.
reload
wait_for 20 "the old workers to end" eval '[ "$(status "len(s[\"workers\"])")" = 2 ]'
