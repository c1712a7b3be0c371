# rsync and git over exec.
. "$(dirname "$0")/lib.sh"
need rsync git
daemon_start

mkdir "$W/tree"
for file in $(seq 50); do
    random_file "$W/tree/$file" $((file * 4999))
done
export RSYNC_RSH="ssh -F $W/ssh_config"
there=$W/root/alice
rsync -a "$W/tree/" "target:$there/tree/"
expect_same_tree "$W/tree" "$there/tree"
rsync -a "target:$there/tree/" "$W/out/tree/"
expect_same_tree "$W/tree" "$W/out/tree"

export GIT_SSH_COMMAND="ssh -F $W/ssh_config" GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t
export GIT_COMMITTER_EMAIL=t@example.org
git init -q --bare -b main "$there/repository.git"
git init -q -b main "$W/work"
cp "$W/tree/50" "$W/work/"
git -C "$W/work" add .
git -C "$W/work" commit -q -m one
git -C "$W/work" push -q "target:$there/repository.git" main
git clone -q "target:$there/repository.git" "$W/out/clone"
expect_same_file "$W/tree/50" "$W/out/clone/50"
