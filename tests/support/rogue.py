"""rogue: what the cases share that let the plugin "rogue" do something to its process."""
import json
import os
import re
import subprocess

from hostile import PASSWORD, check, client, time
from rawssh import Closed

W = os.environ["W"]
ISOLATED = os.environ.get("SALLYPORT_ISOLATION") == "process"


def ask(*command):
    text = subprocess.run([os.environ["SALLYPORT_PREFIX"] + "/bin/sallyport", *command,
                           "--json", "--socket", W + "/state/control.sock"],
                          stdout=subprocess.PIPE, check=True).stdout
    return json.loads(text)


def info(instance="rogue"):
    """What the daemon says of the instance."""
    return ask("plugin", "info", instance)


def ready_workers():
    """Their process ids."""
    return [worker["pid"] for worker in ask("status")["workers"] if worker["state"] == "ready"]


def wait_until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        check(time.monotonic() < end, f"waited in vain for {what}")
        time.sleep(0.05)


def log_length():
    return os.stat(W + "/log").st_size


def is_logged(pattern, after=0):
    with open(W + "/log", "rb") as file:
        file.seek(after)
        return re.search(pattern, file.read().decode("utf-8", "replace"))


def wait_log(pattern, after=0):
    wait_until(lambda: is_logged(pattern, after), pattern)


def password(name):
    """Whether that gets in; a connection that is lost counts as refused."""
    c = client()
    try:
        c.service()
        return c.password(name, PASSWORD)
    except (OSError, Closed):
        return False
    finally:
        c.close()
