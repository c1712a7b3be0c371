# A user who may use SFTP but not run commands: sftp and scp (both protocols) work, commands and
# shells are refused without ending the connection.
. "$(dirname "$0")/lib.sh"
add_user filer '{"permit": ["sftp"]}'
daemon_start

random_file "$W/data" 100000
sftp_ filer@target <<END
put $W/data data
get data $W/out/sftp
END
scp_ -s filer@target:data "$W/out/scp"
scp_ -O filer@target:data "$W/out/old-scp"
scp_ -O "$W/data" filer@target:copy
for copy in "$W"/out/{sftp,scp,old-scp} "$W/root/filer/copy"; do
    expect_same_file "$W/data" "$copy"
done

expect_failure ssh_ filer@target 'echo reached'
[[ ! $(cat "$W/out/failure") =~ reached ]] || fail "a command ran"
raw <<'END'
c = user("filer")
channel = c.open_session()
check(not channel.exec("id"), "exec accepted")
check(not channel.request("shell"), "shell accepted")
check(not channel.exec("scp -t x; id"), "a command behind scp accepted")
channel.close()
channel.collect()
check(Sftp(c, 1).is_alive(), "no sftp on the same connection")
END
