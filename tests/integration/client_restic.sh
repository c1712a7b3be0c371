# restic keeps a repository over sftp: made, filled twice, checked with all its data, restored,
# thinned out.
. "$(dirname "$0")/lib.sh"
need restic
daemon_start

mkdir -p "$W/tree/a/b"
for file in $(seq 60); do
    random_file "$W/tree/a/b/$file" $((file * 6007))
done
export RESTIC_PASSWORD=secret
restic_()
{
    restic -q --no-cache -r sftp:target:/repository -o sftp.command="ssh -F $W/ssh_config alice@target -s sftp" "$@"
}
restic_ init
restic_ backup "$W/tree"
random_file "$W/tree/late" 500000
restic_ backup "$W/tree"
restic_ check --read-data
restic_ restore latest --target "$W/out"
expect_same_tree "$W/tree" "$W/out$W/tree"
restic_ forget --keep-last 1 --prune
restic_ check --read-data
expect_equal "$(restic_ snapshots --json | "$PYTHON" -c 'import json, sys; print(len(json.load(sys.stdin)))')" \
    1 "snapshots"
