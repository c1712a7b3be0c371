# scp -r of a tree of 2,000 small files both ways, by SFTP and by the old protocol (-O).
. "$(dirname "$0")/lib.sh"
daemon_start

mkdir "$W/tree"
for directory in $(seq 40); do
    mkdir "$W/tree/d $directory"
    for file in $(seq 50); do
        echo "$directory/$file" >"$W/tree/d $directory/f$file"
    done
done
chmod 600 "$W/tree/d 1/f1"
for option in -s -O; do
    scp_ $option -rp "$W/tree" "target:tree$option"
    expect_same_tree "$W/tree" "$W/root/alice/tree$option"
    scp_ $option -rp "target:tree$option" "$W/out/tree$option"
    expect_same_tree "$W/tree" "$W/out/tree$option"
    expect_equal "$(stat -c %a "$W/out/tree$option/d 1/f1")" 600 "permissions after scp $option"
done
