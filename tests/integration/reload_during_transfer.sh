# A reload in mid-transfer: the transfer goes on with its old worker and configuration, new
# connections see the new one, and the old workers end with their last connection.
. "$(dirname "$0")/lib.sh"
configure '{"banner": "old rules\n"}'
daemon_start
old=$(worker_pids)

mkfifo "$W/go"
configure '{"banner": "new rules\n"}'
export W old SALLYPORT_PREFIX
raw <<'END'
import os
import subprocess
from transfers import Transfer
def banner():
    c = client()
    c.service()
    c.send_password(USER, PASSWORD)
    while True:
        packet = c.receive_packet()
        if packet[0] == USERAUTH_BANNER:
            return Reader(packet[1:]).string()
        check(packet[0] not in (USERAUTH_SUCCESS, USERAUTH_FAILURE), "no banner")
check(banner() == b"old rules\n", "banner before the reload")
running = Transfer(1)
running.write_some()
subprocess.run([os.environ["SALLYPORT_PREFIX"] + "/bin/sallyport", "reload", "--socket",
                os.environ["W"] + "/state/control.sock"], check=True)
check(banner() == b"new rules\n", "banner after the reload")
running.write_some()
check(str(running.worker) in os.environ["old"].split(), "the transfer's worker")
check(Transfer(2).worker != running.worker, "a new connection went to an old worker")
running.finish()
others_are_served()
END
for pid in $old; do
    wait_for 20 "old worker $pid to end" is_gone "$pid"
done

kill -HUP "$DAEMON_PID"
wait_log 'reload.*generation=3'
raw <<<'others_are_served()'
