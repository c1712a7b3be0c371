# sftp put and get of files of many sizes: the same bytes come back. Sizes lie around the packet and
# request sizes of clients.
# isolated: too
. "$(dirname "$0")/lib.sh"
daemon_start

mkdir "$W/in"
for size in 0 1 4095 32768 32769 261119 261120 261121 1000003 20000000; do
    random_file "$W/in/$size" $size
    printf 'put %s %s\nget %s %s\n' "$W/in/$size" "f$size" "f$size" "$W/out/$size"
done >"$W/batch"
sftp_ target <"$W/batch"
expect_same_tree "$W/in" "$W/out"
expect_equal "$(stat -c %s "$W/root/alice/f20000000")" 20000000 "size on the server"
