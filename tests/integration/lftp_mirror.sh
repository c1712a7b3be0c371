# lftp mirrors a tree to the server and back.
. "$(dirname "$0")/lib.sh"
need lftp
daemon_start

mkdir -p "$W/tree/a/b" "$W/tree/empty"
for file in $(seq 100); do
    random_file "$W/tree/a/b/$file" $((file * 997))
done
lftp_()
{
    lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
        set net:timeout 20; open sftp://alice:x@target; $1"
}
lftp_ "mirror -R $W/tree tree"
expect_same_tree "$W/tree" "$W/root/alice/tree"
lftp_ "mirror --parallel=3 tree $W/out/tree"
expect_same_tree "$W/tree" "$W/out/tree"
