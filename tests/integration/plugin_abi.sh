# Plugins of another minor version of the ABI: one compiled against the frozen headers, one against
# headers of the future, where every struct has more. In process and isolated, each lets users in and
# answers about files; one that needs a later version is refused with the remedy.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/exercise-future" ] || skip "the build has no plugins of other versions"
SANITIZER_OPTIONS=detect_leaks=0 # which needs system calls that the filter of an isolated plugin refuses

use() # PLUGIN ISOLATION
{
    configure "{\"plugins\": [{\"name\": \"gym\", \"plugin\": \"$1\", \"isolation\": \"$2\"}],
        \"chains\": {\"auth\": [\"gym\"], \"channel\": null}, \"workers\": 1,
        \"mounts\": [{\"path\": \"/\", \"provider\": \"gym\"}]}"
}

use exercise-frozen in-process
daemon_start
for plugin in exercise-frozen exercise-future; do
    for isolation in in-process process; do
        use $plugin $isolation
        reload
        wait_log "plugin.created .*plugin=$plugin .*isolation=$isolation"
        raw <<'END'
c = user("anybody")
s = Sftp(c, 1)
answer, reader = s.ask(sftp.STAT, string("/twelve"))
check(answer == sftp.ATTRS, f"answered with {answer}")
check(attributes(reader)["size"] == 7, "another size")
answer, reader = s.ask(sftp.EXTENDED, string("statvfs@openssh.com") + string("/"))
check(answer == sftp.EXTENDED_REPLY and reader.u64() == 4096, "another block size")
c.close()
END
    done
done
wait_log 'plugin.log .*made do with what there is'
use exercise-needs in-process
expect_failure reload
expect_match "$(cat "$W/out/failure")" 'plugin ABI 1.99 cannot be served.*use a newer sallyport' \
    "the remedy"
