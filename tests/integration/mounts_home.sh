# isolated: too
# A home in both styles: a root for each user, and one root with users who are restricted to a home
# in it. No link leads out of either, whoever has made it and wherever it points.
. "$(dirname "$0")/lib.sh"
mkdir -p "$W/shared/home/bob/d" "$W/shared/home/bobby" "$W/shared/home/new" "$W/roots/carol/in"
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix", "config": {"root": "'"$W"'/shared"}},
    {"name": "memory", "plugin": "fs-memory"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "mounts": [{"path": "/", "provider": "files", "root": "'"$W"'/roots/%u", "users": ["carol"]},
    {"path": "/", "provider": "files"},
    {"path": "/memory", "provider": "memory"}, {"path": "/home/bob/memory", "provider": "memory"},
    {"path": "/memory/home", "provider": "memory", "root": "homes"}]}'
add_user alice '{"root": null, "home": "/home/bob"}' # home is where she starts, and no wall
add_user bob '{"root": null, "home": "/home/bob", "restrict_to_home": true}'
add_user carol '{"root": null, "home": "/in"}'
add_user dora '{"root": null, "home": "/memory/home/dora", "restrict_to_home": true}'
add_user nobody '{"root": null, "home": "/home/nobody", "restrict_to_home": true}'
cd "$W/shared/home/bob"
echo secret | tee "$W/shared/secret" "$W/shared/home/bobby/secret" >"$W/secret"
echo mine >mine
ln -s ../../secret up
ln -s /secret top
ln -s /home/bobby far
ln -s ../bobby near
ln -s "$W/shared/secret" whole
ln -s ../../../../../../../../etc/passwd etc
ln -s /mine own
ln -s mine beside
ln -s d/../mine round
cd "$W"
daemon_start

as() # USER COMMANDS...
{
    sftp_ -o "User=$1" target <<<"$2"
}
get() # USER PATH: its text
{
    rm -f "$W/out/got"
    as "$1" "get $2 $W/out/got" >/dev/null && cat "$W/out/got"
}
expect_equal "$(as alice pwd | tail -1)" "Remote working directory: /home/bob" "where alice starts"
expect_equal "$(get alice ../../secret)" secret "alice may leave her home"
expect_equal "$(get alice up)" secret "alice may follow a link"
expect_equal "$(as bob pwd | tail -1)" "Remote working directory: /" "where bob starts"
expect_equal "$(get bob mine)" mine "bob's file"
expect_equal "$(get bob /beside)" mine "a link inside"
expect_equal "$(get bob /round)" mine "a link that goes round"
expect_equal "$(get bob /own)" mine "a link that counts from the home"
for path in up top far/secret near/secret whole etc ../../secret /home/bobby/secret \
    ../bobby/secret /../secret; do
    expect_failure get bob "$path"
    expect_failure scp_ -O -o User=bob "target:$path" "$W/out/got"
done
# What bob makes himself, and what another one moves meanwhile.
as bob 'ln -s ../../secret d/made
ln -s /mine d/absolute
put config.json d/put'
expect_equal "$(readlink "$W/shared/home/bob/d/made")" ../../secret "a link's text"
expect_failure get bob d/made
expect_equal "$(get bob d/absolute)" mine "a link with absolute text"
as alice 'rename d/made deep'
expect_failure get bob deep
expect_equal "$(as carol pwd | tail -1)" "Remote working directory: /in" "where carol starts"
expect_failure get carol ../../secret
expect_failure get carol /home/bob/mine

# Mounts in the home are there, those outside are not; a home may lie on any of them.
as bob 'put config.json memory/f
mkdir memory/d'
expect_failure as bob 'ls /memory/home'
expect_equal "$(as alice 'ls -1 /memory' | grep -v '^sftp>' | tr '\n' ' ')" "/memory/d /memory/f /memory/home " \
    "what bob has put"
as alice 'mkdir /memory/home/dora
put config.json /memory/home/secret
ln -s ../secret /memory/home/dora/up
ln -s /secret /memory/home/dora/top'
as dora 'put config.json f
ls f'
expect_failure get dora up
expect_failure get dora top
# A home that is not there.
expect_failure as nobody 'put config.json f'
expect_failure as nobody 'ls mine'
wait_log 'sftp.attach_failed .*mount=/ '
