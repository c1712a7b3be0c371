# 200 connections at once: each authenticates, opens SFTP, and all are served while all are open.
. "$(dirname "$0")/lib.sh"
configure '{"limits": {"startups": "1000:30:1000"}}'
daemon_start

raw <<'END'
import concurrent.futures
def one(number):
    s = Sftp(user())
    name = f"file{number}"
    handle = s.open(name, sftp.F_WRITE | sftp.F_CREAT)
    check(s.write(handle, 0, name.encode() * 100) == sftp.OK, "write")
    check(s.close(handle) == sftp.OK, "close")
    return s
with concurrent.futures.ThreadPoolExecutor(20) as pool:
    sessions = list(pool.map(one, range(200)))
for number, s in enumerate(sessions):
    handle = s.open(f"file{number}", sftp.F_READ)
    check(s.read(handle, 0, 7) == (f"file{number}" * 2).encode()[:7], "content")
others_are_served()
END
expect_equal "$(find "$W/root/alice" -name 'file*' | wc -l)" 200 "files"
