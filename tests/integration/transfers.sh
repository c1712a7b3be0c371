# Uploads and downloads by the clients people use: each is told once, under the name that it has in
# the end, with its hash.
# seconds: 120
# isolated: too
. "$(dirname "$0")/lib.sh"
need sftp scp
configure '{"sftp": {"transfer_hash": "sha256"}}'
daemon_start
random_file "$W/data" 300000
HASH=$(sha256sum <"$W/data" | cut -d' ' -f1)
: >"$W/empty"
EMPTY=$(sha256sum </dev/null | cut -d' ' -f1)

told() # EVENT PATH
{
    grep -cE "sftp\.$1 .*path=\"?$2\"?( |$)" "$W/log" || true
}
expect_once() # EVENT PATH [HASH]
{
    wait_log "sftp\.$1 .*path=\"?$2\"? .*${3:+hash=$3}"
    expect_equal "$(told "$1" "$2")" 1 "times that '$1 $2' was told"
}

# OpenSSH's sftp, and scp by both protocols.
sftp_ target <<END
put $W/data one
put $W/empty nothing
get one $W/out/one
get nothing $W/out/nothing
rename one two
END
expect_once uploaded /one "$HASH"
expect_once uploaded /nothing "$EMPTY"
expect_once downloaded /one "$HASH"
expect_once downloaded /nothing "$EMPTY"
expect_equal "$(told uploaded /two)" 0 "uploads of what was renamed later"
for option in -s -O; do
    scp_ $option "$W/data" "target:scp$option"
    expect_once uploaded "/scp$option" "$HASH"
    scp_ $option "target:scp$option" "$W/out/scp"
    expect_once downloaded "/scp$option" "$HASH"
    expect_same_file "$W/data" "$W/out/scp"
done

# As WinSCP, rclone and lftp do it: another name, and renamed at the end. Segments in parallel, on
# two channels of one connection. A part of a file. Resuming.
PYTHONPATH=$TESTS/support "$PYTHON" - "$W" <<'END'
import sys
import paramiko
from paramiko_client import transport
data = open(sys.argv[1] + "/data", "rb").read()
with transport() as connection:
    one = paramiko.SFTPClient.from_transport(connection)
    two = paramiko.SFTPClient.from_transport(connection)
    one.putfo(open(sys.argv[1] + "/data", "rb"), "win.bin.filepart")
    two.posix_rename("win.bin.filepart", "win.bin")
    with one.open("half.filepart", "w") as f:
        f.write(data[:1000])
    with one.open("resumed.partial", "w") as f:
        f.write(data[:1000])
    with one.open("resumed.partial", "r+") as f:
        f.seek(1000)
        f.write(data[1000:])
    one.rename("resumed.partial", "resumed")
    first = one.open("segments", "w")
    second = two.open("segments", "r+")
    second.seek(100000)
    second.write(data[100000:])
    second.close()
    first.write(data[:100000])
    first.close()
    with one.open("win.bin") as f:
        f.read(1000)
    with one.open("moved", "w") as f:
        f.write(data)
        two.rename("moved", "elsewhere")
    one.getfo("win.bin", open("/dev/null", "wb"))
END
expect_once uploaded /win.bin "$HASH"
expect_once uploaded /resumed "$HASH"
expect_once uploaded /segments "$HASH"
expect_once uploaded /elsewhere "$HASH"
expect_once downloaded /win.bin "$HASH"
expect_once upload_aborted /half.filepart
expect_equal "$(grep -cE 'sftp\.uploaded .*(partial|filepart|moved)' "$W/log" || true)" 0 \
    "uploads under other names"

if command -v lftp >/dev/null; then
    mkdir "$W/tree"
    for file in 1 2 3; do
        cp "$W/data" "$W/tree/$file"
    done
    lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
        set net:timeout 20; set xfer:use-temp-file yes; open sftp://alice:x@target;
        mirror -R --parallel=2 $W/tree tree; get tree/1 -o $W/out/lftp; cls tree"
    for file in 1 2 3; do
        expect_once uploaded "/tree/$file" "$HASH"
    done
    expect_once downloaded /tree/1 "$HASH"
fi

# Copies on the server are no uploads; a connection that ends in the middle is no success.
sftp_ target <<END || skip_copy=1
copy two three
END
[ -n "${skip_copy:-}" ] || expect_equal "$(told uploaded /three)" 0 "uploads of a copy"
raw <<'END'
s = Sftp(user())
handle = s.open("cut", sftp.F_WRITE | sftp.F_CREAT)
check(s.write(handle, 0, b"x" * 1000) == sftp.OK, "write")
s.client.reset()
END
expect_once upload_aborted /cut
expect_equal "$(grep -c 'sftp\.upload_aborted' "$W/log")" 2 "uploads that were aborted"
