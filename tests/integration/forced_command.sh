# A forced command, of the user's entry or of a key, is all that runs: in place of commands and
# shells, which it is told of, and nothing else is a way around it: no subsystem, no scp, no second
# channel, no variable of the client's.
# isolated: too
. "$(dirname "$0")/lib.sh"
forced='echo "<${SSH_ORIGINAL_COMMAND-none}>"'
add_user entry '{"forced_command": "'"${forced//\"/\\\"}"'"}'
add_user key '{"keys": [], "authorized_keys": "'"$W/all.keys"'"}'
add_user empty '{"keys": [], "authorized_keys": "'"$W/empty.keys"'"}'
add_user files '{"forced_command": "internal-sftp"}'
echo "command=\"${forced//\"/\\\"}\" $(cat "$W/key.pub")" >"$W/all.keys"
echo "command=\"\" $(cat "$W/key.pub")" >"$W/empty.keys"
configure '{"plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W/users.json"'"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell", "config": {"environment_accept": ["*"]}}]}'
daemon_start

echo kept >"$W/root/entry/file"
cp "$W/root/entry/file" "$W/root/key/file"
for user in entry key; do
    expect_equal "$(ssh_ $user@target 'id; ls')" '<id; ls>' "a command of $user"
    expect_equal "$(ssh_ -T $user@target </dev/null)" '<none>' "a shell of $user"
    expect_equal "$(ssh_ -o 'SetEnv SSH_ORIGINAL_COMMAND=evil' -T $user@target </dev/null)" '<none>' \
        "a shell of $user with a variable"
    expect_failure sftp_ $user@target <<<'get file'
    expect_failure scp_ -O $user@target:file "$W/out/file"
    expect_failure scp_ -O "$W/log" $user@target:file
    expect_equal "$(cat "$W/root/$user/file")" kept "the file of $user"
done
[ ! -e "$W/out/file" ] || fail "scp has fetched a file"

expect_failure ssh_ empty@target id
wait_log 'the value of command is empty'

sftp_ files@target <<<"put $W/key.pub copy"
expect_same_file "$W/key.pub" "$W/root/files/copy"
[[ ! $(ssh_ files@target 'id' </dev/null 2>&1) =~ uid= ]] || fail "a command ran beside internal-sftp"
