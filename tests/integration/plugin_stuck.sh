# A plugin that does not come back. On a thread of the pool: the call fails at its deadline, the
# thread is named and replaced, and past a limit the worker is. On the event loop: the worker is
# killed, which names the plugin, and replaced. Transfers in the meantime are whole.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/rogue-reactor" ] || skip "the build has no misbehaving plugins"
expect_crashes
SANITIZER_OPTIONS+=:handle_abort=0:detect_leaks=0

with_rogue() # KIND PATCH
{
    configure '{"workers": 1, "pool_threads": 1, "plugins": [
        {"name": "rogue", "plugin": "rogue-'"$1"'", "deadline_ms": 300},
        {"name": "users", "plugin": "auth-file", "threading": "reactor",
         "config": {"users_file": "'"$W"'/users.json"}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "shell", "plugin": "exec-shell"}],
        "chains": {"auth": ["rogue", "users"]}}'
    configure "$2"
}

export W SALLYPORT_PREFIX
with_rogue connection '{"limits": {"stuck_threads": 2}}'
daemon_start
raw <<'END'
from rogue import *
from transfers import Transfer

transfer = Transfer(0)
transfer.write_some()
first = ready_workers()
for threads in 1, 2:
    check(not password("block"), "somebody was let in")
    wait_log(f"error plugin.stuck .*instance=rogue operation=auth.password threads={threads}")
    others_are_served()
check(ready_workers() == first, "the worker was replaced too early")
check(not password("block"), "somebody was let in")
wait_log(f"error worker.stuck_threads .*worker={first[0]} threads=3 replaced=1")
wait_until(lambda: ready_workers() and ready_workers() != first, "another worker")
others_are_served()
transfer.finish()
wait_log(f"worker={first[0]} ")
END

# In a process of its own, it is that one which is replaced, and the worker notices nothing.
with_rogue connection '{"limits": {"stuck_threads": 1}}'
sed -i 's/"plugin": "rogue-connection"/&, "isolation": "process"/' "$W/config.json"
reload
raw <<'END'
from rogue import *
from transfers import Transfer

transfer = Transfer(2)
transfer.write_some()
first = ready_workers()
before = log_length()
process = info()["processes"][0]["pid"]
for threads in 1, 2:
    check(not password("block"), "somebody was let in")
    wait_log(f"error plugin.stuck pid={process} instance=rogue operation=auth.password threads={threads}", before)
    if threads == 1:
        others_are_served()
wait_log("plugin.process_crashed .*instance=rogue .*signal=6 ", before)
wait_log("plugin.process_up .*instance=rogue", before)
transfer.finish()
others_are_served()
check(ready_workers() == first, "the worker was replaced")
END

with_rogue reactor '{"timeouts": {"stuck_ms": 1000}}'
sed -i 's/"plugin": "rogue-reactor"/&, "isolation": "process"/' "$W/config.json"
reload
raw <<'END'
from rogue import *

first = ready_workers()
before = log_length()
check(not password("block"), "somebody was let in")
wait_log("error plugin.process_stuck .*instance=rogue", before)
wait_log("plugin.process_crashed .*instance=rogue .*signal=6 .*operation=auth.password", before)
wait_log("plugin.process_up .*instance=rogue", before)
others_are_served()
check(ready_workers() == first, "the worker was replaced")
END

with_rogue reactor '{"workers": 2, "timeouts": {"stuck_ms": 1000}}'
reload
raw <<'END'
from rogue import *
from transfers import Transfer

wait_until(lambda: len(ready_workers()) == 2, "two workers")
transfer = Transfer(1)
transfer.write_some()
first = ready_workers()
check(not password("block"), "somebody was let in")
wait_log("error worker.stuck .*connections=1")
wait_log("error worker.crashed .*signal=6 .*instance=rogue operation=auth.password connections=1")
transfer.finish()
wait_until(lambda: len(ready_workers()) == 2 and ready_workers() != first, "another worker")
others_are_served()
check(info()["crashes"] == 3, "they count as crashes")
END
