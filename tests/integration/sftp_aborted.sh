# Transfers that break off (TCP reset, channel closed in mid-request, window shut) leave no file
# open, no memory and no process behind.
# isolated: too
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
SANITIZER_OPTIONS=${SANITIZER_OPTIONS:-}:quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

random_file "$W/root/alice/data" 3000000
raw <<'END'
def abort(how):
    s = Sftp(user())
    reader = s.open("data", sftp.F_READ)
    writer = s.open("upload", sftp.F_WRITE | sftp.F_CREAT)
    for offset in range(0, 3000000, 30000):
        s.send(sftp.READ, string(reader) + u64(offset) + u32(30000))
        if how != "unread":
            s.send(sftp.WRITE, string(writer) + u64(offset) + string(b"w" * 1000))
    if how == "cut":
        s.raw(u32(5000) + bytes([sftp.WRITE]) + b"half")
    if how == "close":
        s.channel.close()
        s.client.close()
    else:
        s.client.reset()
for how in ("reset", "unread", "cut", "close"):
    abort(how)
others_are_served()
before = worker_rss_kib()
for _ in range(15):
    for how in ("reset", "unread", "cut", "close"):
        abort(how)
others_are_served()
grown = worker_rss_kib() - before
check(grown < 30000, f"memory grew by {grown} KiB")
END
wait_for 20 "connections to end" eval "[ \$(status 's[\"connections\"]') = 0 ]"
closed() # PATH
{
    grep -cE "sftp\.closed .*path=/$1( |$)" "$W/log"
}
wait_for 20 "files to be closed" eval '[ $(closed data) = 64 ] && [ $(closed upload) = 64 ]'
