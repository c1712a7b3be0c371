# T43: 5,000 channels that are refused, and requests repeated on one channel: memory stays flat, the
# second command of a channel is refused.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "limits": {"channels_per_connection": 10}}'
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
c = user()
channels = [c.open_session(number) for number in range(10)]
def refused(count):
    for number in range(count):
        kind = ("session", "direct-tcpip", "nonsense")[number % 3]
        c.send_packet(c.open_packet(kind, 1000 + number))
        reply = c.expect(OPEN_FAILURE)
        check(reply.u32() == 1000 + number, "failure of another channel")
refused(500)
before = worker_rss_kib()
refused(5000)
grown = worker_rss_kib() - before
check(grown < 8000, f"memory grew by {grown} KiB")

channel = channels[0]
check(channel.exec("cat"), "exec refused")
for _ in range(100):
    check(not channel.exec("echo twice"), "a second command on one channel")
    check(not channel.request("subsystem", string("sftp")), "a subsystem after a command")
for _ in range(2000):
    channel.request("env", string("LC_A") + string("b" * 1000))
channel.eof()
check(channel.collect()["out"] == b"", "output of a second command")
channel.close()
check(c.open_session(77).exec("true"), "no channel after one was closed")
others_are_served()
END
