# lftp with versions 3, 4, 5 and 6: uploads, downloads, lists, chmod, rename, links; OpenSSH and
# paramiko, who ask for 3, at a server that speaks 6.
. "$(dirname "$0")/lib.sh"
need lftp
configure '{"workers": 1, "sftp": {"version_max": 6}}'
daemon_start

random_file "$W/up" 300000
lftp_() # VERSION COMMANDS
{
    lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
        set net:timeout 20; set cmd:fail-exit true; set sftp:protocol-version $1;
        open sftp://alice:x@target; $2"
}
for version in 3 4 5 6; do
    home=$W/root/alice/v$version
    lftp_ "$version" "mkdir v$version; cd v$version; put $W/up -o file; get file -o $W/out/down$version;
        chmod 640 file; mv file moved; mkdir sub; put $W/up -o sub/deep; ln -s moved link;
        cls -l --time-style=iso > $W/out/list$version"
    wait_log "sftp.version .*version=$version asked=$version"
    expect_same_file "$W/up" "$W/out/down$version"
    expect_same_file "$W/up" "$home/moved"
    expect_same_file "$W/up" "$home/sub/deep"
    expect_equal "$(stat -c %a "$home/moved")" 640 "chmod with version $version"
    expect_equal "$(readlink "$home/link")" moved "link with version $version"
    list=$(cat "$W/out/list$version")
    expect_match "$list" '-rw-r-----[^\n]* 300000 [^\n]*moved' "a file, version $version"
    expect_match "$list" 'drwx[^\n]* sub' "a directory, version $version"
    expect_match "$list" 'lrwx[^\n]* link' "a link, version $version"
    # Times of files survive both ways.
    touch -d '2001-02-03 04:05:06' "$W/old"
    lftp_ "$version" "cd v$version; mirror -R -f $W/old; mirror -f old -O $W/out/m$version"
    expect_equal "$(stat -c %Y "$home/old")" "$(stat -c %Y "$W/old")" "time up, version $version"
    expect_equal "$(stat -c %Y "$W/out/m$version/old")" "$(stat -c %Y "$W/old")" \
        "time down, version $version"
    lftp_ "$version" "cd v$version; rm moved link old; rm -r sub; cd ..; rmdir v$version"
    [ ! -e "$home" ] || fail "what version $version removed is there"
done

sftp_ target <<END >"$W/out/list"
put $W/up openssh
ls -l openssh
get openssh $W/out/openssh
END
expect_same_file "$W/up" "$W/out/openssh"
expect_match "$(cat "$W/out/list")" ' 300000 [A-Z][a-z][a-z] ' "OpenSSH's list"
PYTHONPATH=$TESTS/support "$PYTHON" - "$W/up" <<'END'
import sys
from hostile import check
from paramiko_client import sftp_client
with sftp_client() as sftp:
    sftp.put(sys.argv[1], "paramiko", confirm=True)
    check(sorted(sftp.listdir(".")) == ["openssh", "paramiko"], "paramiko's list")
END
wait_log 'sftp.version .*version=3 asked=3'
