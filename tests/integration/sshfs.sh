# sshfs: the served directory as a file system, with an exerciser on it whose model must agree with
# what it finds there, and with what is on the server at the end.
# needs: root
# seconds: 180
. "$(dirname "$0")/lib.sh"
need sshfs fusermount3
[ -c /dev/fuse ] || skip "there is no /dev/fuse"
[ "$(id -u)" = 0 ] || skip "mounting takes root here"
configure '{"workers": 1, "user": "root", "group": "root"}'
daemon_start

mkdir "$W/mnt"
end() { fusermount3 -u -z "$W/mnt" 2>/dev/null || true; finish; }
trap end EXIT
mount_() # OPTIONS
{
    sshfs -F "$W/ssh_config" -o "workaround=rename,$1" target:/ "$W/mnt" 2>"$W/out/sshfs" ||
        skip "sshfs cannot mount here: $(head -c 200 "$W/out/sshfs")"
}
unmount()
{
    fusermount3 -u "$W/mnt"
    wait_for 20 "sshfs to end" sh -c "! grep -q ' $W/mnt ' /proc/mounts"
}
count=${SSHFS_OPERATIONS:-400}
mount_ cache=no
"$PYTHON" "$TESTS/support/fsx.py" "$W/mnt" "$count" 1 >"$W/out/fsx" || fail "$(cat "$W/out/fsx")"
unmount

# With all the caching that sshfs does, and beside one another; each in a directory of its own.
mkdir "$W/root/alice/2" "$W/root/alice/3"
mount_ cache=yes
"$PYTHON" "$TESTS/support/fsx.py" "$W/mnt/2" "$count" 2 >"$W/out/fsx2" & two=$!
"$PYTHON" "$TESTS/support/fsx.py" "$W/mnt/3" "$count" 3 >"$W/out/fsx3" & three=$!
wait $two || fail "$(cat "$W/out/fsx2")"
wait $three || fail "$(cat "$W/out/fsx3")"
expect_same_tree "$W/mnt/2" "$W/root/alice/2"
ln -s ../2 "$W/mnt/3/link"
expect_equal "$(readlink "$W/mnt/3/link")" ../2 "a symbolic link's text"
touch -d '2001-02-03 04:05:06 UTC' "$W/mnt/3/old"
expect_equal "$(stat -c %Y "$W/root/alice/3/old")" 981173106 "a time that was set"
chmod 751 "$W/mnt/3/old"
expect_equal "$(stat -c %a "$W/root/alice/3/old")" 751 "permissions that were set"
df "$W/mnt" >/dev/null
unmount
cat "$W"/out/fsx*
