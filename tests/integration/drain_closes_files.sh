# A daemon that ends with its last connections still closes their files and gives back all they had.
# isolated: too
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "pool_threads": 1}'
for _ in 1 2 3 4 5; do
    daemon_start
    export DAEMON_PID
    raw <<'END'
import os
import signal
sessions = [Sftp(user()) for _ in range(20)]
for s in sessions:
    for number in range(20):
        s.open(f"file{number}", sftp.F_WRITE | sftp.F_CREAT)
for s in sessions:
    s.client.close()
os.kill(int(os.environ["DAEMON_PID"]), signal.SIGTERM)
END
    daemon_stop
done
expect_no_log 'sftp\.close_failed'
