# isolated: too
# The root of one mount lies within that of another, so users may put a link in its place: at the next
# attach that must not lead out of both. A link that is not theirs may stand above a root.
. "$(dirname "$0")/lib.sh"
mkdir -p "$W/roots/carol/box" "$W/roots/carol/deep/box"
echo secret >"$W/secret"
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "mounts": [{"path": "/", "provider": "files", "root": "'"$W"'/roots/%u"},
    {"path": "/box", "provider": "files", "root": "'"$W"'/roots/%u/box"},
    {"path": "/deep", "provider": "files", "root": "'"$W"'/roots/%u/deep/box"}]}'
add_user carol '{"root": null}'
daemon_start
as_carol() # COMMANDS
{
    sftp_ -o User=carol target <<<"$1"
}
as_carol "put $W/config.json box/f
put $W/config.json deep/f"
expect_same_file "$W/config.json" "$W/roots/carol/box/f"
as_carol "ln -s . here
rename here/box here/old
rename here/deep here/old-deep
ln -s $W here/box
ln -s $W/roots/carol/there here/deep"
mkdir "$W/roots/carol/there"
ln -s ../../.. "$W/roots/carol/there/box"
for path in box deep; do
    expect_failure as_carol "get $path/secret $W/out/got"
    expect_failure as_carol "put $W/config.json $path/planted"
done
[ ! -e "$W/out/got" ] || fail "what lies outside was read"
[ ! -e "$W/planted" ] || fail "what lies outside was written"
wait_log 'cannot open the root .*/box: it passes through a symbolic link'
as_carol "rm here/box
rename here/old here/box
ls box/f"
