# isolated: too
# A write-only mount takes new files and shows nothing: to sftp, scp, psftp, lftp and paramiko.
. "$(dirname "$0")/lib.sh"
need lftp
mkdir -p "$W/box/theirs.d"
echo theirs >"$W/box/theirs"
configure '{"mounts": [{"path": "/", "provider": "files"},
    {"path": "/inbox", "provider": "files", "root": "'"$W"'/box", "access": "write-only"}]}'
daemon_start
random_file "$W/data" 500000
mkdir -p "$W/tree/a/b"
cp "$W/data" "$W/tree/a/b/f"

sftp_ target <<END
put $W/data /inbox/by-sftp
put -p $W/data /inbox/with-times
put -r $W/tree /inbox/tree
END
expect_same_file "$W/data" "$W/box/by-sftp"
expect_same_tree "$W/tree" "$W/box/tree"
scp_ "$W/data" target:/inbox/by-scp
scp_ -O -p "$W/data" target:/inbox/by-old-scp
scp_ -O -r "$W/tree" target:/inbox/tree-by-scp
expect_same_file "$W/data" "$W/box/by-old-scp"
expect_same_tree "$W/tree" "$W/box/tree-by-scp"
psftp_ <<<"put $W/data /inbox/by-psftp" >/dev/null
expect_same_file "$W/data" "$W/box/by-psftp"
lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
    open sftp://alice:x@target; set xfer:use-temp-file yes; set xfer:temp-file-name .in.*;
    put $W/data -o /inbox/by-lftp"
expect_same_file "$W/data" "$W/box/by-lftp"

# Nothing comes out, and nothing that is there is changed.
for command in "get /inbox/theirs $W/out/got" "ls /inbox/" "put $W/data /inbox/theirs" \
    "reput $W/data /inbox/theirs" "rm /inbox/theirs" "rmdir /inbox/theirs.d" "chmod 777 /inbox/theirs" \
    "rename /inbox/theirs /inbox/mine" "rename /inbox/theirs /mine" "ln /inbox/theirs /inbox/l" \
    "ln -s theirs /inbox/l" "rename /inbox/by-sftp /inbox/theirs" "rm /inbox/by-sftp"; do
    expect_failure sftp_ target <<<"$command"
done
for option in -O -s; do
    expect_failure scp_ $option target:/inbox/theirs "$W/out/got"
    expect_failure scp_ $option "target:/inbox/*" "$W/out/"
    expect_failure scp_ $option -r target:/inbox "$W/out/got"
    expect_failure scp_ $option "$W/data" target:/inbox/theirs
done
expect_equal "$(cat "$W/box/theirs")" theirs "a file of others"
[ -d "$W/box/theirs.d" ] && [ ! -e "$W/box/l" ] || fail "the drop box was changed"
expect_equal "$(find "$W/out" -type f ! -name failure)" "" "what came out"

"$PYTHON" - <<END
import os, paramiko
transport = paramiko.Transport(("127.0.0.1", $PORT))
transport.connect(username="alice", password=os.environ["PASSWORD"])
sftp = paramiko.SFTPClient.from_transport(transport)
sftp.put("$W/data", "/inbox/by-paramiko")            # looks at the size afterwards
sftp.put("$W/data", "/inbox/x.filepart")
sftp.utime("/inbox/x.filepart", (5, 5))
sftp.rename("/inbox/x.filepart", "/inbox/x")         # as WinSCP does
sftp.put("$W/data", "/inbox/y.filepart")
sftp.remove("/inbox/y.filepart")                     # and gives up
transport.close()
END
expect_same_file "$W/data" "$W/box/by-paramiko"
expect_equal "$(stat -c %Y "$W/box/x")" 5 "time of what was renamed"
[ ! -e "$W/box/y.filepart" ] || fail "a file of one's own cannot be removed"
