# T78: paramiko's prefetch sends all its reads at once and then reads slowly: the worker's memory
# stays flat, and the bytes are right.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

random_file "$W/root/alice/data" 50000000
PYTHONPATH=$TESTS/support "$PYTHON" - "$W" <<'END'
import hashlib
import sys
import time
from hostile import check, worker_rss_kib
from paramiko_client import sftp_client

with open(sys.argv[1] + "/root/alice/data", "rb") as file:
    expected = hashlib.sha256(file.read()).hexdigest()
with sftp_client() as sftp:
    with sftp.open("data") as warm:
        warm.read(1 << 20)
    before = most = worker_rss_kib()
    digest = hashlib.sha256()
    with sftp.open("data") as file:
        file.prefetch()
        for step in range(50):
            digest.update(file.read(1000000))
            most = max(most, worker_rss_kib())
            if step < 20:
                time.sleep(0.05)  # a slow reader is the case
    check(digest.hexdigest() == expected, "the data differs")
    check(most - before < 40000, f"memory grew from {before} to {most} KiB")
END
