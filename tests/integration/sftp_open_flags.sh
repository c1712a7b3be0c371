# T72: combinations of open flags; FIFOs, sockets and devices do not hold up anybody.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
daemon_start

cd "$W/root/alice"
echo content >file
ln -s file link
ln -s nowhere dangling
mkfifo fifo
mkdir dir
"$PYTHON" -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'

raw <<'END'
R, W, A, C, T, X = (sftp.F_READ, sftp.F_WRITE, sftp.F_APPEND, sftp.F_CREAT, sftp.F_TRUNC,
                    sftp.F_EXCL)
s = Sftp(user())
def attempt(path, flags):
    answer, reader = s.ask(sftp.OPEN, string(path) + u32(flags) + sftp.NO_ATTRS, seconds=10)
    return reader.string() if answer == sftp.HANDLE else reader.u32()
def content(path):
    handle = s.open(path, R)
    data = s.read(handle, 0, 1000)
    s.close(handle)
    return b"" if data == sftp.EOF else data

for flags in (0, C, X, T, A, C | X, R | T, R | C | T):
    outcome = attempt("file", flags)  # defined: a handle or a status, and no harm by a reader
    if isinstance(outcome, bytes):
        check(flags == A or s.status(sftp.WRITE, string(outcome) + u64(0) + string("x")) != sftp.OK,
              f"flags {flags:#x} may write")
        s.close(outcome)
handle = s.open("new", W | C)
check(s.write(handle, 0, b"content\n") == sftp.OK, "write")
check(isinstance(s.read(handle, 0, 10), int), "read of a file opened for writing")
s.close(handle)
check(attempt("new", W | C | X) != sftp.OK and isinstance(attempt("new", W | C | X), int), "EXCL")
check(isinstance(attempt("link", W | C | X), int), "EXCL on a link")
check(isinstance(attempt("dangling", W | C | X), int), "EXCL on a dangling link")
check(isinstance(attempt("missing", W), int), "no CREAT")
check(isinstance(attempt("missing", W | T), int), "TRUNC without CREAT")

handle = s.open("new", W | A)
check(s.write(handle, 0, b"one") == sftp.OK and s.write(handle, 0, b"two") == sftp.OK, "append")
s.close(handle)
check(content("new") == b"content\nonetwo", "append goes to the end whatever the offset")
handle = s.open("new", R | W)
check(s.write(handle, 0, b"C") == sftp.OK and s.read(handle, 0, 7) == b"Content", "RDWR")
s.close(handle)
s.close(s.open("new", W | T))
check(content("new") == b"", "TRUNC")

for path in ("fifo", "socket", "dir"):
    for flags in (R, W, R | W, W | C | T, W | A):
        outcome = attempt(path, flags)
        if isinstance(outcome, bytes):
            check(path != "dir" or flags == R, f"{path} with {flags:#x}")
            s.ask(sftp.READ, string(outcome) + u64(0) + u32(10), seconds=10)
            s.close(outcome)
check(s.is_alive(), "the session after special files")
others_are_served()
END
expect_equal "$(cat file)" content "a file that was only opened"
