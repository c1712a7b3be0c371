# fs-posix as the account that the grant names: by a process of its own that is root's, while the
# workers are nobody.
# needs: root
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "only root may become somebody else"
SANITIZER_OPTIONS=detect_leaks=0 # a leak check traces the process, which the sandbox forbids
chmod 755 "$W" "$W/root"
chmod 700 "$W/state"
install -d -o daemon -g daemon -m 700 "$W/root/alice"
echo secret >"$W/root/alice/roots"
chmod 600 "$W/root/alice/roots"
add_user alice '{"system_user": "daemon"}'
add_user carol
add_user bob '{"system_user": "no-such-account"}'
configure '{"workers": 1, "user": "nobody", "group": "nogroup", "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"},
     "isolation": "process", "sandbox": {"user": "root"}},
    {"name": "files", "plugin": "fs-posix", "isolation": "process", "sandbox": {"user": "root"},
     "config": {"require_account": true}},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}]}'
daemon_start

echo text >"$W/text"
sftp_ target <<END
put $W/text mine
mkdir dir
rename mine dir/mine
chmod 640 dir/mine
END
expect_equal "$(stat -c %U:%a "$W/root/alice/dir/mine")" daemon:640 "whose a new file is"
expect_equal "$(stat -c %U:%G "$W/root/alice/dir")" "daemon:$(id -gn daemon)" "whose a new directory is"
for denied in "get roots $W/out/roots" "chmod 666 roots" "chown 0 dir/mine" "put $W/text roots"; do
    expect_failure sftp_ target <<<"$denied"
done
expect_equal "$(stat -c %U:%a "$W/root/alice/roots")" root:600 "root's file"
expect_equal "$(cat "$W/root/alice/roots")" secret "what is in root's file"
expect_failure sftp_ -o User=bob target <<<"put $W/text new"
wait_log 'system_user .*no-such-account.* there is no such account'
expect_failure sftp_ -o User=carol target <<<"put $W/text new"
wait_log 'the grant names none'
sftp_ target <<<"rm dir/mine"
