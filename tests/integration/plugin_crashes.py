import json
import os
import subprocess

from transfers import Transfer
from villain import PROBLEMS, Log, Villain, check, others_are_served

W = os.environ["W"]
COMMAND = os.environ["SALLYPORT_PREFIX"] + "/bin/sallyport"
CONNECTION = ["connection." + name for name in
              ("request", "connected", "disconnected", "proposal", "service_request", "status")]
AUTH = ["auth." + name for name in
        ("none", "password", "publickey", "keyboard_interactive", "authenticated")]
CHANNEL = ["channel." + name for name in
           ("open", "request", "started", "data", "eof", "ready_to_send", "control", "closed", "opened")]
FS = ["fs." + name for name in
      ("attach", "detach", "open", "close", "read", "write", "fstat", "fsetstat", "fsync", "fstatvfs",
       "stat", "setstat", "opendir", "readdir", "closedir", "mkdir", "rmdir", "remove", "rename",
       "link", "symlink", "readlink", "realpath", "statvfs", "copy")]


def reload(operation, isolation):
    with open(W + "/config.json", encoding="utf-8") as file:
        config = json.load(file)
    config["plugins"][0].update(config={"operation": operation}, isolation=isolation)
    config["limits"] = {"connections_per_worker": 1 if isolation == "in-process" else 0}
    with open(W + "/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    subprocess.run([COMMAND, "reload", "--socket", W + "/state/control.sock"], check=True,
                   stdout=subprocess.DEVNULL)


def crash_in(number, operation, isolation):
    reload(operation, isolation)
    log = Log()
    transfer = Transfer(number)
    transfer.write_some()
    failed = Villain().act()
    if isolation == "in-process":
        log.wait(f"worker.crashed .*signal=11 .*instance=villain operation={operation} ")
        check(failed or operation in ("connection.disconnected",),
              f"{operation} crashed, and the villain has not noticed")
    else:
        log.wait(f"plugin.process_crashed .*instance=villain .*signal=11 .*operation={operation}")
    transfer.finish()
    if isolation == "process":
        log.wait("plugin.process_up .*instance=villain")  # until then it refuses everybody
    others_are_served()


def crash_outside_of_calls(isolation):
    """In start() the new workers never come up, and the old ones stay; in tick() nobody has to call."""
    try:
        reload("start", isolation)
    except subprocess.CalledProcessError:
        others_are_served()
    else:
        raise AssertionError("a plugin that crashes in start() was accepted")
    log = Log()
    reload("tick", isolation)
    log.wait("(worker.crashed|plugin.process_crashed) .*instance=villain .*operation=tick")
    reload("none", isolation)
    others_are_served()


if os.environ.get("ONLY"):
    chosen = [(name, isolation) for name in os.environ["ONLY"].split()
              for isolation in ("in-process", "process")]
else:
    chosen = [(name, "process") for name in CONNECTION + AUTH + CHANNEL + FS]
    chosen += [(name, "in-process") for name in
               ("connection.request", "connection.disconnected", "auth.password", "auth.authenticated",
                "channel.request", "channel.data", "channel.closed", "fs.attach", "fs.read", "fs.close")]
problems = []
for number, (name, where) in enumerate(chosen):
    try:
        crash_in(number, name, where)
    except (*PROBLEMS, subprocess.CalledProcessError) as problem:
        problems.append(f"{name} {where}: {str(problem)[-1500:]}")
        print(problems[-1], flush=True)
for where in ("in-process", "process"):
    crash_outside_of_calls(where)
check(not problems, f"{len(problems)} of {len(chosen)} operations")
