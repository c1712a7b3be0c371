# The process of an isolated plugin is killed while it serves: what it was asked is refused, handles
# that it gave answer a failure and do not hang, its channels are closed; connections that do not
# need it go on; a new process serves what comes then.
. "$(dirname "$0")/lib.sh"
expect_crashes
SANITIZER_OPTIONS+=:detect_leaks=0 # which needs system calls that the sandbox refuses
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "isolation": "process",
     "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "apart", "plugin": "fs-posix", "isolation": "process"},
    {"name": "echoes", "plugin": "echo", "isolation": "process"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "chains": {"auth": ["users"], "channel": ["shell"]},
    "subsystems": {"sftp": "core", "echo": "echoes"},
    "mounts": [{"path": "/", "provider": "files"}, {"path": "/apart", "provider": "apart", "root": "'"$W"'/apart"}]}'
add_user alice '{"permit": ["sftp", "exec", "shell", "subsystem"]}'
mkdir -p "$W/root/alice/apart" "$W/apart"
daemon_start

export W SALLYPORT_PREFIX
raw <<'END'
import os
import re
import signal
from hostile import *
from rogue import info, wait_until
from transfers import Transfer

def times_up(instance):
    with open(os.environ["W"] + "/log", encoding="utf-8") as log:
        return len(re.findall(rf"plugin\.process_up .*instance={instance}$", log.read(), re.M))

def kill(instance):
    """And wait for the next one."""
    before = times_up(instance)
    os.kill(info(instance)["processes"][0]["pid"], signal.SIGKILL)
    wait_until(lambda: times_up(instance) > before, f"another process of {instance}")

# Files: one transfer through the storage in the worker, one through that in its own process.
inside = Transfer(0)
inside.write_some()
client = user()
files = Sftp(client, 1)
handle = files.open("/apart/file", sftp.F_READ | sftp.F_WRITE | sftp.F_CREAT)
check(files.write(handle, 0, b"x" * 30000) == sftp.OK, "write")
kill("apart")
check(files.write(handle, 30000, b"y") == sftp.FAILURE, "a handle of the dead process")
check(files.close(handle) == sftp.FAILURE, "closing it")
inside.write_some()
# The same session goes on with the new process; the handle of the dead one stays dead.
again = files.open("/apart/file", sftp.F_READ)
check(files.read(again, 0, 40000) == b"x" * 30000, "the same session")
check(isinstance(files.read(handle, 0, 10), int), "a handle that was closed")
check(files.close(again) == sftp.OK, "close in the same session")
client.close()

# A new connection finds all as it was.
client = user()
files = Sftp(client, 1)
handle = files.open("/apart/file", sftp.F_READ)
check(files.read(handle, 0, 40000) == b"x" * 30000, "what was written before")
check(files.close(handle) == sftp.OK, "close")

# Channels that it served are closed.
channel = client.open_session()
check(channel.request("subsystem", string("echo")), "echo refused")
kill("echoes")
channel.collect()

# Logins: who is logged in stays; for others there is a new process.
kill("users")
check(client.open_session().exec("true"), "a session that has begun")
client.close()
inside.finish()
others_are_served()
END
expect_match "$(grep -c 'plugin\.process_lost' "$W/log")" '^3$' "processes lost"
# The upload that was under way is told as one that was cut off, and once.
wait_log 'sftp\.upload_aborted .*path=/apart/file '
expect_equal "$(grep -c 'sftp\.upload.*path=/apart/file ' "$W/log")" 1 "what is told of that upload"
expect_no_log 'worker\.(crashed|died)'
