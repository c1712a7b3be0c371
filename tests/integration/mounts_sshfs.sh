# mv over sshfs from one mount to another: a file by the server's move, a directory and a link by mv's
# own copying, for which the server's status must be the one that sshfs takes for that.
# needs: root
. "$(dirname "$0")/lib.sh"
need sshfs fusermount3
[ -c /dev/fuse ] || skip "there is no /dev/fuse"
[ "$(id -u)" = 0 ] || skip "mounting takes root here"
mkdir -p "$W/a/dir/sub" "$W/b" "$W/mnt"
configure '{"workers": 1, "user": "root", "group": "root", "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"}, {"name": "memory", "plugin": "fs-memory"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "mounts": [{"path": "/", "provider": "files", "root": "'"$W"'/a"},
    {"path": "/b", "provider": "files", "root": "'"$W"'/b"}, {"path": "/m", "provider": "memory"}]}'
add_user alice '{"root": null}'
random_file "$W/data" 2000000
for name in file dir/f dir/sub/f; do
    cp "$W/data" "$W/a/$name"
done
ln -s file "$W/a/dir/link"
cp -a "$W/a/dir" "$W/copy"
daemon_start

end() { fusermount3 -u -z "$W/mnt" 2>/dev/null || true; finish; }
trap end EXIT
sshfs -F "$W/ssh_config" -o workaround=rename:renamexdev target:/ "$W/mnt" 2>"$W/out/sshfs" ||
    skip "sshfs cannot mount here: $(head -c 200 "$W/out/sshfs")"
expect_equal "$(ls "$W/mnt" | tr '\n' ' ')" "b dir file m " "the tree"
mv "$W/mnt/file" "$W/mnt/b/moved"
expect_same_file "$W/data" "$W/b/moved"
mv "$W/mnt/b/moved" "$W/mnt/m/moved"
expect_same_file "$W/data" "$W/mnt/m/moved"
mv "$W/mnt/dir" "$W/mnt/b/dir"
expect_same_tree "$W/copy" "$W/b/dir"
[ ! -e "$W/a/dir" ] && [ ! -e "$W/a/file" ] && [ ! -e "$W/b/moved" ] || fail "a source is left"
mv "$W/mnt/b/dir/link" "$W/mnt/link"
expect_equal "$(readlink "$W/a/link")" file "a link's text"
