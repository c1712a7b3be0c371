"""reaper.py COMMAND...: run a daemon and adopt the processes that it leaves behind, so that their
CPU time is counted (sshd's monitor does not wait for its child). SIGTERM goes to the daemon."""
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
daemon = subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: os.kill(daemon.pid, signal.SIGTERM))
while True:
    pid, _ = os.wait()
    if pid == daemon.pid:
        break
